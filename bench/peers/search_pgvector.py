# SPDX-License-Identifier: Apache-2.0
"""Peer of bench_search: PostgreSQL with pgvector, HNSW over halfvec, m = 16, ef_construction = 200; a server of its own.

"build FOLDER DIMENSIONS THREADS" makes FOLDER/postgres and notes rows and processor seconds in postgres.cost. "open
FOLDER DIMENSIONS" starts it there (answers the number of vectors). Then "hnsw COUNT EF" (seconds per query over the first COUNT queries, EF up to 1000), "hnsw-recall EF" (recall@10 over the
first 200) and "bytes" (table and index on disk).
"""
import atexit
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy
import psycopg

BIN = "/usr/lib/postgresql/17/bin/"
BLOCK = 10_000
QUERY = "SELECT id FROM items ORDER BY embedding <#> %b LIMIT 10"
server = connection = queries = truth = None


def as_user(*command):
    prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    return [*prefix, *command]


def start(data):
    global server, connection
    server = subprocess.Popen(
        as_user(BIN + "postgres", "-D", data, "-k", data, "-c", "listen_addresses=", "-c", "shared_buffers=3GB",
                "-c", "maintenance_work_mem=3500MB", "-c", "max_wal_size=8GB", "-c", "wal_level=minimal", "-c", "max_wal_senders=0",
                "-c", "fsync=off", "-c", "autovacuum=off", "-c", "shared_memory_type=mmap", "-c", "dynamic_shared_memory_type=mmap"),
        stdin=subprocess.DEVNULL, stdout=sys.stderr, stderr=sys.stderr)
    atexit.register(stop)
    for _ in range(600):
        try:
            connection = psycopg.connect(host=data, user="postgres", dbname="postgres", autocommit=True)
            return
        except psycopg.OperationalError:
            time.sleep(0.1)
    raise RuntimeError("PostgreSQL did not start")


def stop():
    server.send_signal(signal.SIGINT)  # without waiting for our connection to end
    server.wait()


def halves(vectors):
    """pgvector's binary halfvec: count, zero, big-endian binary16."""
    found = numpy.zeros(len(vectors), dtype=[("count", ">i2"), ("zero", ">i2"), ("values", ">f2", vectors.shape[1])])
    found["count"] = vectors.shape[1]
    found["values"] = vectors
    return found


def copy_rows(base):
    size = 4 + 2 * base.shape[1]
    row = numpy.dtype([("fields", ">i2"), ("id_bytes", ">i4"), ("id", ">i8"), ("bytes", ">i4"), ("vector", f"V{size}")])
    with connection.cursor().copy("COPY items FROM STDIN (FORMAT binary)") as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        for begin in range(0, len(base), BLOCK):
            vectors = halves(base[begin:begin + BLOCK])
            rows = numpy.zeros(len(vectors), dtype=row)
            rows["fields"], rows["id_bytes"], rows["bytes"] = 2, 8, size
            rows["id"] = numpy.arange(begin, begin + len(vectors))
            rows["vector"] = vectors.view(f"V{size}")
            copy.write(rows.tobytes())
        copy.write(b"\xff\xff")


def processor_seconds():
    """Of the server and of all its processes, those that have ended included."""
    ticks = 0
    for directory in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = open(f"/proc/{directory}/stat").read().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if directory == str(server.pid) or fields[1] == str(server.pid):
            ticks += sum(map(int, fields[11:13]))  # utime, stime
        if directory == str(server.pid):
            ticks += sum(map(int, fields[13:15]))  # of children that have ended
    return ticks / os.sysconf("SC_CLK_TCK")


def build(folder, dimensions, threads):
    data = folder + "/postgres.partial"
    shutil.rmtree(data, ignore_errors=True)
    os.mkdir(data)
    if os.geteuid() == 0:
        shutil.chown(data, "postgres", "postgres")
    subprocess.run(as_user(BIN + "initdb", "--auth=trust", "--username=postgres", "--no-sync", "-D", data), check=True,
                   stdout=sys.stderr)
    start(data)
    connection.execute("CREATE EXTENSION vector")
    connection.execute(f"CREATE TABLE items (id bigint, embedding halfvec({dimensions}) STORAGE PLAIN)")
    base = numpy.memmap(folder + "/base.f32", dtype="<f4", mode="r").reshape(-1, dimensions)
    copy_rows(base)
    print("  PostgreSQL: rows copied", file=sys.stderr, flush=True)
    connection.execute(f"SET max_parallel_maintenance_workers = {threads - 1}")
    before = processor_seconds()
    connection.execute("CREATE INDEX ON items USING hnsw (embedding halfvec_ip_ops) WITH (m = 16, ef_construction = 200)")
    with open(folder + "/postgres.cost", "w") as file:
        file.write(f"{len(base)} {processor_seconds() - before}\n")
    connection.execute("ANALYZE items")
    connection.close()
    stop()
    os.rename(data, folder + "/postgres")
    return len(base)


def open_server(folder, dimensions):
    global queries, truth
    start(folder + "/postgres")
    found = numpy.fromfile(folder + "/queries.f32", dtype="<f4").reshape(-1, dimensions)
    queries = [one.tobytes() for one in halves(found)]
    truth = numpy.fromfile(folder + "/truth.u32", dtype="<u4").reshape(len(found), -1)
    connection.prepare_threshold = 0
    return connection.execute("SELECT count(*) FROM items").fetchone()[0]


class Half:
    """A query in the binary form of halfvec."""

    def __init__(self, data):
        self.data = data


class HalfDumper(psycopg.adapt.Dumper):
    format = psycopg.pq.Format.BINARY

    def dump(self, half):
        return half.data


def ask(i):
    return [row[0] for row in connection.execute(QUERY, [Half(queries[i % len(queries)])], binary=True)]


def prepare(width):
    half = connection.execute("SELECT 'halfvec'::regtype::oid::int").fetchone()[0]
    HalfDumper.oid = half
    connection.adapters.register_dumper(Half, HalfDumper)
    connection.execute(f"SET hnsw.ef_search = {width}")


def seconds_per_query(count, width):
    prepare(width)
    begin = time.perf_counter()
    for i in range(count):
        ask(i)
    return (time.perf_counter() - begin) / count


def recall(width, count=200):
    prepare(width)
    count = min(count, len(truth))
    return sum(len(set(ask(i)) & set(truth[i].tolist())) for i in range(count)) / (10 * count)


for line in sys.stdin:
    try:
        word, *rest = line.split()
        if word == "build":
            print(build(rest[0], int(rest[1]), int(rest[2])), flush=True)
        elif word == "open":
            print(open_server(rest[0], int(rest[1])), flush=True)
        elif word == "hnsw":
            print(seconds_per_query(int(rest[0]), int(rest[1])), flush=True)
        elif word == "hnsw-recall":
            print(recall(int(rest[0])), flush=True)
        elif word == "bytes":
            print(connection.execute("SELECT pg_total_relation_size('items')").fetchone()[0], flush=True)
        else:
            print("error: no request", word, flush=True)
    except Exception as error:  # the bench shows it
        print("error:", error, flush=True)
