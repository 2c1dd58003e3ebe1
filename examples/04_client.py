#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A client with Python's standard library alone.

  04_client.py URL status             what answers, and how far it is
  04_client.py URL upload FILE...     DICOM files into Orthanc
  04_client.py URL result UID         what is known about an instance (SOP Instance UID)
  04_client.py URL similar UID [K]    nearest films of other patients

URL is that of an Orthanc with the chexworld plugin, such as http://localhost:8042; user and password may stand in
CHEXWORLD_USER and CHEXWORLD_PASSWORD.
"""
import base64
import json
import os
import sys
import urllib.error
import urllib.request


class Client:
    def __init__(self, url, user=None, password=None):
        self.url = url.rstrip("/")
        self.headers = {}
        if user:
            token = base64.b64encode(f"{user}:{password}".encode()).decode()
            self.headers["Authorization"] = f"Basic {token}"

    def call(self, method, path, body=None, kind="application/json"):
        request = urllib.request.Request(self.url + path, data=body, method=method,
                                         headers={**self.headers, "Content-Type": kind})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def status(self):
        return self.call("GET", "/chexworld/status")

    def upload(self, path):
        """Orthanc's id of the instance."""
        with open(path, "rb") as file:
            return self.call("POST", "/instances", file.read(), "application/dicom")["ID"]

    def orthanc_id(self, uid):
        found = self.call("POST", "/tools/lookup", uid.encode(), "text/plain")
        return next(entry["ID"] for entry in found if entry["Type"] == "Instance")

    def result(self, uid):
        return self.call("GET", f"/instances/{self.orthanc_id(uid)}/chexworld")

    def similar(self, uid, k=5, **filters):
        question = {"positive": [{"instance": uid}], "k": k, "filter": {"exclude_same_patient": True, **filters}}
        return self.call("POST", "/chexworld/search", json.dumps(question).encode())["hits"]


def main(words):
    if len(words) < 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    client = Client(words[0], os.environ.get("CHEXWORLD_USER"), os.environ.get("CHEXWORLD_PASSWORD"))
    command, rest = words[1], words[2:]
    try:
        if command == "status":
            print(json.dumps(client.status(), indent=2))
        elif command == "upload" and rest:
            for path in rest:
                print(client.upload(path))
        elif command == "result" and len(rest) == 1:
            print(json.dumps(client.result(rest[0]), indent=2))
        elif command == "similar" and rest:
            for hit in client.similar(rest[0], int(rest[1]) if len(rest) > 1 else 5):
                print(f"{hit['score']:.4f}  {hit['sop_instance_uid']}  {hit['view']}")
        else:
            print(__doc__.strip(), file=sys.stderr)
            return 2
    except urllib.error.HTTPError as error:  # the body says what was wrong
        print(error.read().decode(errors="replace").strip() or error, file=sys.stderr)
        return 1
    except (OSError, StopIteration) as error:
        print(error or "there is no such instance", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
