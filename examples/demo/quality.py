# SPDX-License-Identifier: Apache-2.0
"""Labels from a table, and how well searches find films of the same label."""
import collections
import csv
import subprocess

from commands import Failed

NEIGHBOURS = 5
QUERIES = 150  # more would only cost time
LEAST_PATIENTS = 9  # with a label, for a probe to learn it


def read_labels(table, column, objects_folder):
    """SOP Instance UID -> {"label", "patient", "file"}. The table has sop_instance_uid, or file: paths of DICOM objects."""
    try:
        with open(table, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(f"cannot read {table}: {error}") from None
    columns = rows[0].keys() if rows else []
    if column not in columns:
        raise Failed(f"{table} has no column '{column}' (there are: {', '.join(columns)}); --label-column names another")
    if "sop_instance_uid" not in columns and "file" not in columns:
        raise Failed(f"{table} needs a column 'file' or 'sop_instance_uid'")
    patient = next((name for name in ("patient", "patient_id") if name in columns), None)
    uids = {} if "sop_instance_uid" in columns else uids_of([f"{objects_folder}/{row['file']}" for row in rows])
    labels = {}
    for row in rows:
        uid = row.get("sop_instance_uid") or uids.get(f"{objects_folder}/{row['file']}")
        if uid and row[column] and row[column] != "unknown":
            labels[uid] = {"label": row[column], "patient": row.get(patient) or uid, "file": row.get("file", "")}
    return labels


def write_labels(path, labels):
    """A table for `chexworld probe`; returns the labels that enough films have, and leaves out the others."""
    patients = collections.defaultdict(set)
    for entry in labels.values():
        if entry["label"] != "several":  # of a synthetic film: not one class
            patients[entry["label"]].add(entry["patient"])
    classes = sorted((label for label in patients if len(patients[label]) >= LEAST_PATIENTS),
                     key=lambda label: -len(patients[label]))
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["sop_instance_uid", "label"])
        table.writerows((uid, entry["label"]) for uid, entry in labels.items() if entry["label"] in classes)
    return classes


def uids_of(files):
    found = {}
    for file in files:
        dump = subprocess.run(["dcmdump", "-q", "+P", "0008,0018", file], capture_output=True, text=True, check=False)
        if "[" in dump.stdout:
            found[file] = dump.stdout.split("[")[1].split("]")[0]
    return found


def precision(orthanc, labels, views, patients):
    """Of the nearest films of other patients: how many share the view, and how many the label, of the film asked with.
    `views`, `patients`: of every stored radiograph. Each share comes with what chance would give."""
    uids = sorted(views)
    queries = uids[::max(1, len(uids) // QUERIES)][:QUERIES]
    near = {uid: nearest(orthanc, uid, patients) for uid in queries}
    found = {"view": agreement(near, views)}
    if labels:
        found["label"] = agreement(near, {uid: entry["label"] for uid, entry in labels.items()})
    return {what: value for what, value in found.items() if value}


def nearest(orthanc, uid, patients):
    hits = (hit["sop_instance_uid"] for hit in orthanc.search(uid, 4 * NEIGHBOURS, exclude_same_patient=True))
    return [hit for hit in hits if patients.get(hit, hit) != patients.get(uid, uid)]


def agreement(near, values):
    counts = collections.Counter(values.values())
    shares, chances = [], []
    for uid, hits in near.items():
        hits = [hit for hit in hits if hit in values][:NEIGHBOURS]
        if uid in values and hits:
            shares.append(sum(values[hit] == values[uid] for hit in hits) / len(hits))
            chances.append((counts[values[uid]] - 1) / max(1, len(values) - 1))
    if not shares:
        return None
    return {"queries": len(shares), "share": sum(shares) / len(shares), "chance": sum(chances) / len(chances)}
