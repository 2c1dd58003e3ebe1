# SPDX-License-Identifier: Apache-2.0
"""./dev demo with what it cannot work with: one line, before anything is built or started."""
import pathlib
import socket
import sys
import tempfile
import unittest

from support import REPOSITORY, run

DEMO = [sys.executable, REPOSITORY / "examples/demo/demo.py"]


class WrongUse(unittest.TestCase):
    def setUp(self):
        keep = tempfile.TemporaryDirectory()
        self.addCleanup(keep.cleanup)
        self.folder = pathlib.Path(keep.name)

    def says(self, arguments, *words, status=1):
        output = run(DEMO + arguments, status=status, seconds=30)
        self.assertEqual(output.count("\n"), 1, output)
        for word in ("demo: ", *words):
            self.assertIn(word, output)

    def test_empty_folder(self):
        self.says(["--dicom", self.folder], str(self.folder), "holds no DICOM objects")
        self.says(["--images", self.folder], str(self.folder), "holds no PNG or JPEG pictures")

    def test_folder_of_other_files(self):
        (self.folder / "notes.txt").write_text("no DICOM here\n" * 20)
        self.says(["--dicom", self.folder], "holds no DICOM objects")

    def test_no_folder(self):
        self.says(["--dicom", self.folder / "none"], "is no folder")
        self.says(["--labels", self.folder / "none.csv"], "is no file")

    def test_busy_port(self):
        with socket.socket() as busy:
            busy.bind(("127.0.0.1", 0))
            busy.listen()
            port = busy.getsockname()[1]
            self.says(["--port", port], f"port {port} is in use", "--port")
            self.says(["--port", port - 1], f"port {port} is in use")  # the DICOM port

    def test_unknown_option(self):
        self.says(["--dicm", "x"], "--dicm", status=2)
        self.says(["--minutes", "soon"], "--minutes", status=2)


if __name__ == "__main__":
    unittest.main()
