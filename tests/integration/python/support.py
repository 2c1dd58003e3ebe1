# SPDX-License-Identifier: Apache-2.0
"""What the tests of examples, demo and README share: programs run, an Orthanc on free ports."""
import json
import os
import pathlib
import re
import socket
import subprocess
import time
import urllib.request

REPOSITORY = pathlib.Path(os.environ["CHEXWORLD_SOURCE"])
EXAMPLES = REPOSITORY / "examples"


def run(command, folder=None, status=0, seconds=300):
    """What it printed on both outputs; fails the test where it ends with another status."""
    done = subprocess.run([str(word) for word in command], cwd=folder, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=seconds, check=False)
    assert done.returncode == status, f"{command} ended with {done.returncode}, not {status}:\n{done.stdout}"
    return done.stdout


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def without_comments(text):
    return re.sub(r"^\s*//.*$", "", text, flags=re.M)


def wait_until(holds, what, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if holds():
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come in {seconds} s")


class Orthanc:
    """Runs with a given configuration whose ports and folders are replaced; ends with the `with` block."""

    def __init__(self, configuration, folder, **chexworld):
        self.http, self.dicom = free_ports(2)
        self.url = f"http://127.0.0.1:{self.http}"
        storage = str(folder / "storage")
        configuration = {**configuration, "StorageDirectory": storage, "IndexDirectory": storage, "HttpPort": self.http,
                         "DicomPort": self.dicom, "Plugins": [os.environ["CHEXWORLD_PLUGIN"]]}
        configuration["Chexworld"] = {**configuration["Chexworld"], **chexworld}
        self.users = configuration.get("RegisteredUsers", {})
        (folder / "orthanc.json").write_text(json.dumps(configuration))
        self.log = folder / "orthanc.log"
        self.command = ["Orthanc", str(folder / "orthanc.json")]

    def __enter__(self):
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_until(self.serving, "the worker")
        except AssertionError as error:
            self.__exit__()
            raise AssertionError(f"{error}\n{self.log.read_text()[-3000:]}") from None
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=60)

    def get(self, path):
        request = urllib.request.Request(self.url + path)
        for user, password in self.users.items():
            manager = urllib.request.HTTPPasswordMgrWithDefaultRealm()
            manager.add_password(None, self.url, user, password)
            opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(manager))
            return json.loads(opener.open(request, timeout=30).read())
        return json.loads(urllib.request.urlopen(request, timeout=30).read())

    def serving(self):
        assert self.process.poll() is None, "Orthanc has ended"
        return self.get("/chexworld/status").get("worker", {}).get("state") == "serving"

    def embedded(self):
        return self.get("/chexworld/status")["feeder"]["embedded"]
