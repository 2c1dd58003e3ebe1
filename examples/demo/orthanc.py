# SPDX-License-Identifier: Apache-2.0
"""The demo's Orthanc: started, asked over HTTP, waited for."""
import json
import os
import socket
import time
import urllib.error
import urllib.request

from commands import Failed, Progress, say


def port_is_free(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) != 0


class Orthanc:
    def __init__(self, port):
        self.port, self.dicom_port = port, port + 1
        self.url = f"http://127.0.0.1:{port}"

    # ---- asking ----

    def request(self, method, path, body=None, kind="application/json", accept=None):
        """The body of the answer; urllib's HTTPError where the status says so."""
        headers = {"Content-Type": kind} if body is not None else {}
        if accept:
            headers["Accept"] = accept
        request = urllib.request.Request(self.url + path, data=body, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.read()

    def get(self, path):
        return json.loads(self.request("GET", path))

    def post(self, path, value):
        return json.loads(self.request("POST", path, json.dumps(value).encode()))

    def status(self):
        return self.get("/chexworld/status")

    def search(self, sop_instance_uid, k, **filters):
        request = {"positive": [{"instance": sop_instance_uid}], "k": k, "filter": filters}
        return self.post("/chexworld/search", request)["hits"]

    def instances(self):
        """SOP Instance UID -> Orthanc's id."""
        return {entry["MainDicomTags"]["SOPInstanceUID"]: entry["ID"] for entry in self.get("/instances?expand")}

    def views(self, ids):
        """SOP Instance UID -> view, of those that have a result."""
        found = {}
        for uid, orthanc_id in ids.items():
            try:
                found[uid] = self.get(f"/instances/{orthanc_id}/chexworld").get("view") or "unknown"
            except urllib.error.HTTPError:
                continue  # skipped or failed
        return found

    def picture(self, orthanc_id, width=256):
        return self.request("GET", f"/instances/{orthanc_id}/rendered?width={width}", accept="image/png")

    # ---- running ----

    def write_configuration(self, path, plugin, model, storage, folder):
        configuration = {
            "Name": "chexworld demo", "StorageDirectory": storage, "IndexDirectory": storage,
            "HttpPort": self.port, "DicomPort": self.dicom_port, "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False, "DicomAlwaysAllowStore": True, "Plugins": [plugin],
            "Chexworld": {"Enable": True, "Model": model, "Folder": folder}}
        with open(path, "w", encoding="utf-8") as file:
            json.dump(configuration, file, indent=2)

    def wait_until_serving(self, child, log):
        end = time.monotonic() + 120
        while time.monotonic() < end:
            if child.poll() is not None:
                raise Failed(f"Orthanc did not start: {first_error(log)}")
            try:
                if self.status().get("worker", {}).get("state") == "serving":
                    return
            except (OSError, ValueError):
                pass
            time.sleep(0.2)
        raise Failed(f"the worker did not come up in two minutes (log: {log})")

    def wait_until_processed(self):
        """Until every instance has its result or its reason; returns the plugin's counts."""
        def done(status):
            feeder = status["feeder"]
            counted = sum(feeder.get(key, 0) for key in ("embedded", "skipped", "refused", "gone"))
            held = self.get("/statistics")["CountInstances"]
            text = f"{counted} of {held} instances: {feeder['embedded']} embedded, {feeder['skipped']} skipped"
            return counted >= held and feeder.get("in_hand", 0) == 0, text
        return self._wait(done, "instances were not processed")["feeder"]

    def wait_until_embedded_anew(self, model_id, results):
        """Until `model_id` has as many results as there were, and answers searches."""
        def done(status):
            worker = status["worker"]
            model = (worker.get("model") or {}).get("model_id")
            here = worker.get("coverage", {}).get("with_result", 0)
            serving = [index["model_id"] for index in worker.get("indexes", []) if index["serving"]]
            answered = serving[0][:8] if serving else "none"
            text = f"{here} of {results} radiographs embedded by {model_id[:8]}; searches answered by {answered}"
            return model == model_id and here >= results and serving == [model_id], text
        return self._wait(done, "the archive was not embedded again")

    def _wait(self, done, trouble, minutes=15):
        progress, end = Progress(), time.monotonic() + 60 * minutes
        while time.monotonic() < end:
            try:
                status = self.status()
                finished, text = done(status)
                progress.show(text)
                if finished:
                    progress.end()
                    return status
            except (urllib.error.URLError, KeyError, ConnectionError):
                pass  # the worker is busy handing over
            time.sleep(0.25)
        progress.end()
        raise Failed(f"{trouble} in {minutes} minutes")


def first_error(log):
    with open(log, encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("E"):
                return line.strip()
    return f"see {os.path.relpath(log)}"


def print_similar(hits, labels):
    for hit in hits:
        uid = hit["sop_instance_uid"]
        label = labels[uid]["label"] if uid in labels else ""
        say(f"  {hit['score']:.4f}  ...{uid[-12:]}  {hit.get('view', ''):8} {label}")
