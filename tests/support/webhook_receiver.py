#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Receives webhooks and verifies their signatures with Python's own hmac.

usage: webhook_receiver.py PORT SECRET FAILURES FILE

Answers 503 to the first FAILURES posts, 204 to the others. Appends one JSON line for each post to FILE:
{"id", "status", "verified", "event"}.
"""
import base64
import hashlib
import hmac
import http.server
import json
import sys
import time

port, secret, failures, path = int(sys.argv[1]), sys.argv[2].encode(), int(sys.argv[3]), sys.argv[4]


def verified(headers, body):
    signed = b".".join((headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body))
    expected = "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    fresh = abs(time.time() - int(headers["webhook-timestamp"])) < 300
    return fresh and hmac.compare_digest(expected, headers["webhook-signature"])


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        global failures
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = 503 if failures > 0 else 204
        failures -= 1
        with open(path, "a") as lines:
            lines.write(json.dumps({"id": self.headers["webhook-id"], "status": status,
                                    "verified": verified(self.headers, body), "event": json.loads(body)}) + "\n")
        self.send_response(status)
        self.end_headers()


http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
