#!/usr/bin/env python3
"""Complains about every include that points against the architecture (docs/architecture.md).

usage: check_layers.py REPOSITORY
"""
import pathlib
import re
import sys

# room -> the rooms whose headers it may include, besides its own and base
ALLOWED = {
    "base": set(),
    "image": set(),
    "dicom": {"image"},
    "sandbox": {"image", "dicom"},
    "bundle": set(),
    "views": {"image"},
    "phantom": {"image", "views"},
    "nn": {"image", "bundle"},
    "worldmodel": {"image", "views", "bundle", "nn"},
    "infer": {"image", "bundle", "nn"},
    "index": set(),
    "store": set(),
    "retrieval": {"index", "store"},
    "pipeline": {"image", "bundle", "dicom", "sandbox", "infer", "index", "store"},
    "service": set(),
    "worker": {"image", "bundle", "dicom", "sandbox", "infer", "index", "store", "pipeline", "retrieval", "service"},
    "trainer": {"image", "views", "bundle", "dicom", "nn", "worldmodel"},
    "cli": {"image", "views", "phantom", "bundle", "dicom", "sandbox", "nn", "worldmodel", "infer", "index", "store", "retrieval", "pipeline", "service", "worker", "trainer"},
    "orthanc-plugin": set(),
}
# third-party headers -> the rooms that may see them
CONFINED = [
    (re.compile(r"(torch|ATen|c10|caffe2)/"), {"nn", "worldmodel", "infer", "trainer", "cli"}, "LibTorch"),
    (re.compile(r"dcmtk/|openjpeg|charls/|turbojpeg"), {"dicom"}, "DICOM codecs"),
    (re.compile(r"opencv"), {"image", "dicom", "cli", "trainer"}, "OpenCV"),
    (re.compile(r"orthanc/"), {"orthanc-plugin"}, "the Orthanc SDK"),
    (re.compile(r"(sqlite3\.h|libpq)"), {"store"}, "SQL"),
    (re.compile(r"(dnnl|oneapi)"), {"infer"}, "oneDNN"),
]
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def room_of(path, repository):
    parts = path.relative_to(repository).parts
    if parts[:2] == ("libchexworld", "src"):
        return parts[2]
    if parts[0] in ("trainer", "cli", "orthanc-plugin"):
        return parts[0]
    if parts[:2] == ("libchexworld", "include"):
        return "public headers"
    return None  # tests, examples and benchmarks may use everything


def complaint(room, quote, header):
    for pattern, rooms, what in CONFINED:
        if pattern.match(header) and room not in rooms:
            return f"{what} may be included only in {', '.join(sorted(rooms))}"
    if room == "public headers":
        if quote == '"' or ("/" in header and not header.startswith("chexworld/")) or header.endswith(".hpp"):
            return "public headers include only the standard library and <chexworld/...>"
        return None
    target = header.split("/")[0]
    if quote == '"' and target in ALLOWED and target not in {room, "base"} | ALLOWED[room]:
        return f"{room} must not depend on {target}"
    return None


def main():
    repository = pathlib.Path(sys.argv[1])
    sources = [p for folder in ("libchexworld", "trainer", "cli", "orthanc-plugin")
               for p in sorted((repository / folder).rglob("*")) if p.suffix in (".h", ".cpp")]
    problems = []
    for path in sources:
        room = room_of(path, repository)
        if room not in ALLOWED and room != "public headers":
            problems.append(f"{path.relative_to(repository)}: folder '{room}' is not in the architecture")
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            reason = match and complaint(room, *match.groups())
            if reason:
                problems.append(f"{path.relative_to(repository)}:{number}: {reason}: {line.strip()}")
    print("\n".join(problems + [f"layers: {len(sources)} files, {len(problems)} complaints"]))
    sys.exit(1 if problems else 0)


main()
