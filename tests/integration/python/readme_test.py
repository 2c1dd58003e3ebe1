# SPDX-License-Identifier: Apache-2.0
"""The README's commands, run as they stand, one after the other in an empty folder; and its links.

A block of shell commands is preceded by <!-- run --> or by <!-- not run: reason -->."""
import pathlib
import re
import tempfile
import unittest

from support import REPOSITORY, run

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"(<!--\s*(?P<mark>run|not run: [^>]+?)\s*-->\n)?```sh\n(?P<commands>.*?)```", re.S)


class Readme(unittest.TestCase):
    def test_commands_do_what_they_say(self):
        blocks = list(BLOCK.finditer(README))
        self.assertTrue(blocks)
        ran = 0
        with tempfile.TemporaryDirectory() as folder:
            for block in blocks:
                self.assertIsNotNone(block["mark"], f"neither run nor excused: {block['commands']}")
                if block["mark"] != "run":
                    continue
                script = pathlib.Path(folder) / "block.sh"
                script.write_text("set -eu\n" + block["commands"])
                output = run(["bash", script], folder=folder, seconds=240)
                ran += 1
                if "v1/search" in block["commands"]:
                    self.assertIn('"score"', output)
            for name in ("films/truth.csv", "film.png", "run/encoder.safetensors", "embeddings.safetensors"):
                self.assertTrue((pathlib.Path(folder) / name).stat().st_size > 0, name)
        print(f"{ran} of {len(blocks)} blocks run")
        self.assertGreaterEqual(ran, 3)

    def test_every_link_of_the_documentation_leads_somewhere(self):
        pages = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
        broken = []
        for page in pages:
            for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
                if not re.match(r"[a-z]+:", target) and not (page.parent / target).exists():
                    broken.append(f"{page.relative_to(REPOSITORY)}: {target}")
        self.assertEqual(broken, [])


if __name__ == "__main__":
    unittest.main()
