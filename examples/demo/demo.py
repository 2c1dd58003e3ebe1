#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The whole system at work (./dev demo): radiographs arrive in an Orthanc, are embedded, found again, trained on; the new
model takes over while Orthanc runs. Every step is a command that could be typed, and is echoed."""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

import quality
from commands import Failed, Steps, say, stop_on_signals, title
from orthanc import Orthanc, port_is_free, print_similar
from report import write_report

PICTURES = (".png", ".jpg", ".jpeg")
FILMS_A_MINUTE = 2500  # that two cores are expected to train on; the rate of learning falls as if it were so
FILMS_A_MINUTE_BF16 = 4000
TARGETS = ["chexworld_program", "chexworld_decoder", "OrthancChexworld"]


def arguments():
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__.split("\n", maxsplit=1)[0])
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--dicom", metavar="DIR", help="your DICOM objects; default: synthetic radiographs")
    source.add_argument("--images", metavar="DIR", help="PNG or JPEG pictures, wrapped into DICOM objects first")
    parser.add_argument("--labels", metavar="CSV", help="columns file (or sop_instance_uid) and label")
    parser.add_argument("--label-column", metavar="NAME", default="label")
    parser.add_argument("--films", metavar="N", type=int, default=300, help="synthetic radiographs to make (300)")
    parser.add_argument("--minutes", metavar="N", type=float, default=3, help="of pre-training (3)")
    parser.add_argument("--port", metavar="P", type=int, default=8042, help="HTTP; DICOM takes the next one (8042)")
    parser.add_argument("--exit", action="store_true", help="do not leave Orthanc running at the end")
    parser.error = lambda message: (_ for _ in ()).throw(SystemExit(wrong_usage(message)))
    return parser.parse_args()


def wrong_usage(message):
    print(f"demo: {message} (./dev demo --help lists the options)", file=sys.stderr)
    return 2


def files_below(folder, accept):
    return sorted(os.path.join(where, name) for where, _, names in os.walk(folder) for name in names
                  if accept(os.path.join(where, name)))


def is_dicom(path):
    try:
        with open(path, "rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def check_before_anything(options):
    """What would only go wrong after minutes of building."""
    for folder, accept, what in ((options.dicom, is_dicom, "DICOM objects"),
                                 (options.images, lambda path: path.lower().endswith(PICTURES), "PNG or JPEG pictures")):
        if folder is None:
            continue
        if not os.path.isdir(folder):
            raise Failed(f"{folder} is no folder")
        if not files_below(folder, accept):
            raise Failed(f"{folder} holds no {what}")
    if options.labels and not os.path.isfile(options.labels):
        raise Failed(f"{options.labels} is no file")
    for port in (options.port, options.port + 1):
        if not port_is_free(port):
            raise Failed(f"port {port} is in use; choose another with --port")
    if options.minutes <= 0 or options.films < 40:
        raise Failed("--minutes must be positive, and --films 40 or more")


class Demo:
    def __init__(self, options, repository, preset):
        self.options, self.repository, self.preset = options, repository, preset
        self.steps = Steps()
        self.folder = os.path.join(repository, "demo")
        self.worker_folder = tempfile.mkdtemp(prefix="chexworld-demo-")  # a socket's path must be short
        self.orthanc = Orthanc(options.port)
        self.labels, self.table = {}, options.labels
        self.facts = {}  # for the table and the report
        self.quality = []  # (model, precision) in order
        self.models = []   # (name, id)
        self.findings = []  # that were fitted
        self.explained = None  # the film that the heat map is of

    def file(self, name):
        return os.path.join(self.folder, name)

    # ---- the steps ----

    def build(self):
        with self.steps.timed("Building what the demo needs"):
            self.steps.run([os.path.join(self.repository, "dev"), "build", self.preset, *TARGETS], show=False)
            os.environ["PATH"] = os.path.join(self.repository, "build", self.preset, "bin") + ":" + os.environ["PATH"]

    def films(self):
        if self.options.dicom:
            self.films_folder = self.options.dicom
            return
        self.films_folder = self.file("films")
        if self.options.images:
            with self.steps.timed("Pictures become DICOM objects"):
                command = ["chexworld", "wrap", self.options.images, "-o", self.films_folder]
                if self.table:
                    command += ["--csv", self.table, *self.patient_option(self.table)]
                self.steps.run(command)
            self.table = self.file("films/films.csv") if self.table else None
        else:
            with self.steps.timed("Synthetic radiographs, with the truth about them"):
                self.steps.run(["chexworld", "phantom", "-n", str(self.options.films), "--size", "512", "--prevalence", "0.67",
                                "--findings", "effusion,cardiomegaly", "-o", self.films_folder])
            self.table = self.file("films/truth.csv")

    @staticmethod
    def patient_option(table):
        with open(table, encoding="utf-8-sig") as file:
            columns = file.readline().strip().split(",")
        return next((["--patient-column", name] for name in ("patient", "patient_id") if name in columns), [])

    def start_orthanc(self):
        with self.steps.timed("An Orthanc with the chexworld plugin, and an encoder that has learnt nothing yet"):
            untrained = self.file("untrained.safetensors")
            self.steps.run(["chexworld", "model", "create", "--preset", "tiny-cpu", "-o", untrained])
            plugin = os.path.join(self.repository, "build", self.preset, "lib", "libOrthancChexworld.so")
            self.orthanc.write_configuration(self.file("orthanc.json"), plugin, untrained, self.file("storage"),
                                             self.worker_folder)
            log = self.file("orthanc.log")
            self.process = self.steps.start(["Orthanc", self.file("orthanc.json")], log)
            self.orthanc.wait_until_serving(self.process, log)
            self.models.append(("untrained", self.orthanc.status()["worker"]["model"]["model_id"]))
            say(f"serving at {self.orthanc.url}")

    def send(self):
        with self.steps.timed("Studies arrive over C-STORE and are embedded as they come"):
            try:
                self.steps.run(["dcmsend", "--scan-directories", "--recurse", "--no-halt", "--no-uid-checks", "127.0.0.1",
                                str(self.orthanc.dicom_port), self.films_folder], show=False, keep=self.file("sent.log"))
            except Failed:
                say("some objects were not taken by any association; demo/sent.log says which")
            feeder = self.orthanc.wait_until_processed()
            held = self.orthanc.get("/statistics")
            failures = self.orthanc.get("/chexworld/failures?limit=1000")
            self.facts.update(studies=held["CountStudies"], instances=held["CountInstances"], embedded=feeder["embedded"],
                              reasons=reasons_of(failures))
            say(f"{held['CountStudies']} studies, {held['CountInstances']} instances, {feeder['embedded']} embedded")
            if feeder["embedded"] == 0:
                raise Failed("no chest radiograph is among them, so there is nothing to search or to train on: " +
                             ", ".join(f"{count} {reason}" for reason, count in self.facts["reasons"].items()))

    def read_labels(self):
        self.ids = self.orthanc.instances()
        self.views = self.orthanc.views(self.ids)
        if self.table:
            self.labels = quality.read_labels(self.table, self.options.label_column, self.films_folder)
        self.patients = {uid: entry["patient"] for uid, entry in self.labels.items()}

    def search(self, name):
        with self.steps.timed(f"Searches with the {name} model"):
            self.example = self.example_uid()
            say(f"$ curl {self.orthanc.url}/chexworld/search -d " +
                f"'{json.dumps({'positive': [{'instance': self.example}], 'k': 5})}'")
            self.hits = self.orthanc.search(self.example, 5)
            print_similar(self.hits, self.labels)
            found = quality.precision(self.orthanc, self.labels, self.views, self.patients)
            self.quality.append((name, found))
            for what, value in found.items():
                say(f"of {quality.NEIGHBOURS} nearest films of other patients {100 * value['share']:.1f} % have the {what} of "
                    f"the film asked with ({value['queries']} searches; chance: {100 * value['chance']:.1f} %)")

    def example_uid(self):
        """A frontal film with a finding, where there are labels."""
        def rank(uid):
            label = self.labels.get(uid, {}).get("label", "unknown")
            return (label in ("unknown", "normal", "several"), self.views[uid] != "PA", uid)
        return min(self.views, key=rank)

    def train(self):
        with self.steps.timed("A training archive from that Orthanc"):
            self.steps.run(["chexworld", "archive", "build", "--orthanc", self.orthanc.url, "-o", self.file("archive")])
        with self.steps.timed(f"Pre-training for at most {self.options.minutes:g} min, then the new model is pushed"):
            bf16 = has_bf16()
            rate = FILMS_A_MINUTE_BF16 if bf16 else FILMS_A_MINUTE
            epochs = max(2, round(rate * self.options.minutes / self.facts["embedded"]))
            self.steps.run(["chexworld", "pretrain", self.file("archive"), "-o", self.file("run"), "--preset", "tiny-cpu",
                            "--bf16", str(bf16).lower(), "--max-minutes", f"{self.options.minutes:g}", "--epochs", str(epochs),
                            "--warmup-epochs", "1", "--log-every", "1", "--push", self.orthanc.url])
        self.take_over("pre-trained")

    def take_over(self, name):
        with self.steps.timed(f"The {name} model takes over; what was there is embedded again"):
            active = self.orthanc.status()["worker"]["model"]["model_id"]
            if active == self.models[-1][1]:
                raise Failed("the worker still answers with the old model")
            self.models.append((name, active))
            self.orthanc.wait_until_embedded_anew(active, self.facts["embedded"])

    def probe(self):
        """A head for the labels, on top of the frozen encoder; its findings come with heat maps."""
        if len({entry["label"] for entry in self.labels.values()}) < 2:
            return
        if "probe" not in commands_of_program():
            say("\nthis chexworld has no `probe`, so no findings are fitted")
            return
        with self.steps.timed("Findings: a probe on the frozen encoder, cross-validated by patients"):
            classes = quality.write_labels(self.file("labels.csv"), self.labels)
            if len(classes) < 2:
                say(f"too few patients of each label for a probe (it takes {quality.LEAST_PATIENTS})")
                return
            head = self.file("with-findings.safetensors")
            self.steps.run(["chexworld", "probe", self.file("archive"), "-m", self.file("run/encoder.safetensors"),
                            "--labels", self.file("labels.csv"), "--id-column", "sop_instance_uid", "--id-kind", "instance",
                            "--allow-unknown", "--draw-folds", "3", "--classes", "label=" + ",".join(classes), "--save-head", head])
            self.steps.run(["chexworld", "model", "push", self.orthanc.url, head])
            self.findings = classes
        self.take_over("pre-trained, with findings")
        self.explain(head)

    def explain(self, head):
        with self.steps.timed("Where a finding was seen"):
            self.explained = max(self.films_with_findings(), key=self.sureness, default=None)
            if self.explained is None:
                return say("no film has one of these findings")
            film = self.file("example.dcm")
            with open(film, "wb") as file:
                file.write(self.orthanc.request("GET", f"/instances/{self.ids[self.explained]}/file"))
            self.steps.run(["chexworld", "explain", film, "-m", head, "--finding", self.labels[self.explained]["label"],
                            "--side", "512", "-o", self.file("heat-map.png")])

    def films_with_findings(self):
        return [uid for uid in self.views if self.labels.get(uid, {}).get("label", "normal") in self.findings
                and self.labels[uid]["label"] != "normal"]

    def sureness(self, uid):
        """How far the film's own finding lies above its threshold."""
        found = self.orthanc.get(f"/instances/{self.ids[uid]}/chexworld").get("findings", [])
        return max(((finding["probability"] or 0) - finding["threshold"] for finding in found
                    if finding["name"] == self.labels[uid]["label"]), default=-1)

    # ---- the end ----

    def finish(self):
        path = self.file("report.html")
        write_report(path, self)
        title("What happened")
        for what, seconds in self.steps.seconds:
            say(f"  {seconds:7.1f} s  {what}")
        say(f"  studies {self.facts['studies']}, instances {self.facts['instances']}, with a result {self.facts['embedded']}")
        for reason, count in self.facts["reasons"].items():
            say(f"  without a result: {count} {reason}")
        for name, found in self.quality:
            for what, value in found.items():
                say(f"  nearest {quality.NEIGHBOURS} of the same {what}, {name}: {100 * value['share']:.1f} % "
                    f"(chance {100 * value['chance']:.1f} %)")
        say(f"\nreport: {os.path.relpath(path)}")

    def stay(self):
        say(f"Orthanc is at {self.orthanc.url} until you press Ctrl-C.")
        while self.process.poll() is None:
            time.sleep(0.5)
        raise Failed("Orthanc has ended (log: demo/orthanc.log)")

    def run(self):
        self.build()
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        self.films()
        self.start_orthanc()
        self.send()
        self.read_labels()
        self.search("untrained")
        self.train()
        self.search("pre-trained")
        try:
            self.probe()
        except Failed as failure:  # too few labels of a kind are no reason to show nothing
            say(f"no findings: {failure}")
        self.finish()
        if not self.options.exit:
            self.stay()


def has_bf16():
    """Whether the processor multiplies in bfloat16; where it does not, training in it would be slower."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        return bool({"avx512_bf16", "amx_bf16"} & set(file.read().split()))


def commands_of_program():
    return subprocess.run(["chexworld", "--help"], capture_output=True, text=True, check=False).stdout.split()


def reasons_of(failures):
    counts = {}
    for failure in failures["failures"]:
        reason = failure.get("reason_code") or "unknown"
        counts[reason] = counts.get(reason, 0) + 1
    return dict(sorted(counts.items(), key=lambda entry: -entry[1]))


def main():
    stop_on_signals()
    repository = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
    demo = None
    try:
        options = arguments()
        check_before_anything(options)
        demo = Demo(options, repository, os.environ.get("CHEXWORLD_PRESET", "dev"))
        os.chdir(repository)
        demo.run()
        return 0
    except Failed as failure:
        print(f"demo: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: stopped; nothing is left running", file=sys.stderr)
        return 130
    finally:
        if demo:
            demo.steps.stop_all()
            shutil.rmtree(demo.worker_folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
