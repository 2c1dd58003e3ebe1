"""Peer of bench_hash: hashlib's SHA-256 over as many bytes as asked."""
import hashlib
import sys
import time

for line in sys.stdin:
    buffer = b"\x5a" * int(line)
    start = time.perf_counter()
    hashlib.sha256(buffer).digest()
    print(time.perf_counter() - start, flush=True)
