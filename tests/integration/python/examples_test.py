# SPDX-License-Identifier: Apache-2.0
"""The examples that are no C++, as a reader would run them; the C++ ones are built by package_test.cmake."""
import json
import os
import pathlib
import tempfile
import unittest

from support import EXAMPLES, Orthanc, run, wait_until, without_comments

FILMS = 8


class Examples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.keep = tempfile.TemporaryDirectory(prefix="cx-")
        cls.folder = pathlib.Path(cls.keep.name)
        run(["chexworld", "phantom", "-n", FILMS, "--size", 320, "-o", cls.folder / "films"])
        run(["chexworld", "model", "create", "--preset", "tiny-cpu", "-o", cls.folder / "model.safetensors"])
        cls.films = sorted((cls.folder / "films").glob("*.dcm"))
        cls.truth = [line.split(",") for line in (cls.folder / "films/truth.csv").read_text().splitlines()[1:]]

    @classmethod
    def tearDownClass(cls):
        cls.keep.cleanup()

    def test_client_and_curl_against_the_example_configuration(self):
        configuration = json.loads(without_comments((EXAMPLES / "06_orthanc.json").read_text()))
        (user, password), = configuration["RegisteredUsers"].items()
        os.environ["CHEXWORLD_USER"], os.environ["CHEXWORLD_PASSWORD"] = user, password
        client = EXAMPLES / "04_client.py"
        with Orthanc(configuration, self.folder, Model=str(self.folder / "model.safetensors")) as orthanc:
            uploaded = run([client, orthanc.url, "upload", *self.films]).split()
            self.assertEqual(len(uploaded), FILMS)
            wait_until(lambda: orthanc.embedded() == FILMS, "embeddings")
            self.assertEqual(json.loads(run([client, orthanc.url, "status"]))["worker"]["state"], "serving")

            uid, study, patient, view = self.truth[0][1], self.truth[0][2], self.truth[0][3], self.truth[0][5]
            result = json.loads(run([client, orthanc.url, "result", uid]))
            self.assertEqual(result["view"], "LL" if view == "lateral" else view)

            others = {row[1] for row in self.truth if row[3] != patient}
            self.assertTrue(others)
            wait_until(lambda: run([client, orthanc.url, "similar", uid, 20]).count("\n") == len(others), "the index")
            found = {line.split()[1] for line in run([client, orthanc.url, "similar", uid, 20]).splitlines()}
            self.assertEqual(found, others)
            self.assertIn("not-found", run([client, orthanc.url, "similar", "1.2.3"], status=1))
            self.assertIn("04_client.py URL status", run([client], status=2))

            # curl has the password from a file, as the script itself knows none
            (self.folder / ".curlrc").write_text(f'user = "{user}:{password}"\n')
            os.environ["CURL_HOME"] = str(self.folder)
            answer = json.loads(run(["sh", EXAMPLES / "03_search.sh", orthanc.url, uid]))
            self.assertLessEqual(len(answer["hits"]), 5)
            self.assertTrue(all(hit["sop_instance_uid"] in others for hit in answer["hits"]))
            self.assertNotIn(study, {hit.get("study_instance_uid") for hit in answer["hits"]})
            json.loads(run(["sh", EXAMPLES / "03_search.sh", orthanc.url]))  # takes the first instance
        self.assertIn("no Orthanc", run(["sh", EXAMPLES / "03_search.sh", orthanc.url], status=1))

    def test_pretraining_recipe_ends_goes_on_and_makes_a_bundle(self):
        recipe = ["sh", EXAMPLES / "05_pretrain.sh", self.folder / "films", self.folder / "recipe"]
        smaller = ["--batch-size", 4, "--epochs", 2, "--width", 48, "--depth", 1, "--pred-width", 24, "--pred-depth", 1,
                   "--image-size", 64, "--patch-size", 8]
        self.assertIn("encoder.safetensors", run(recipe + smaller))
        self.assertIn("encoder.safetensors", run(recipe))  # done already: says so again
        self.assertIn("usage", run(["sh", EXAMPLES / "05_pretrain.sh"], status=2))


if __name__ == "__main__":
    unittest.main()
