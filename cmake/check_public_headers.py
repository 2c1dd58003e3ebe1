#!/usr/bin/env python3
"""Compiles every public header alone, with nothing but the standard library on the path.

usage: check_public_headers.py REPOSITORY
"""
import pathlib
import subprocess
import sys
import tempfile


def main():
    include = pathlib.Path(sys.argv[1]) / "libchexworld" / "include"
    headers = sorted(p.relative_to(include) for p in include.rglob("*.h"))
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for header in headers:
            source = pathlib.Path(folder) / "alone.cpp"
            source.write_text(f"#include <{header}>\n#include <{header}>\n")
            command = ["c++", "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", f"-I{include}", str(source)]
            failed += subprocess.run(command).returncode != 0
    print(f"public headers: {len(headers)} compiled alone, {failed} failed")
    sys.exit(1 if failed else 0)


main()
