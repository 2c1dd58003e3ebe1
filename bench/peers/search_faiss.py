# SPDX-License-Identifier: Apache-2.0
"""Peer of bench_search: FAISS on one thread.

"build FOLDER DIMENSIONS THREADS" makes FOLDER/faiss.hnsw by chunks, or goes on where that was interrupted, and notes
rows and processor seconds in faiss.hnsw.cost. "open FOLDER DIMENSIONS" opens it (answers the number of vectors);
"open-flat FOLDER DIMENSIONS" the exhaustive index alone. Then "flat COUNT" or "hnsw COUNT EF" (seconds per query over the first COUNT queries), "hnsw-recall EF"
(recall@10 over all) and "resident" (bytes in use). The exhaustive index is the vectors that the graph holds anyway.
"""
import os
import sys
import time

import faiss
import numpy

queries = truth = hnsw = flat = None
BLOCK = 10_000
KEEP_EVERY = 100_000


def replace(path, write):
    write(path + ".writing")
    os.rename(path + ".writing", path)


def begun(partial, dimensions):
    if os.path.exists(partial):
        return faiss.read_index(partial)
    index = faiss.IndexHNSWFlat(dimensions, 16, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = 200
    return index


def build(folder, dimensions, threads):
    faiss.omp_set_num_threads(threads)
    final, partial = folder + "/faiss.hnsw", folder + "/faiss.hnsw.partial"
    base = numpy.memmap(folder + "/base.f32", dtype="<f4", mode="r").reshape(-1, dimensions)
    index = begun(partial, dimensions)
    before = float(open(final + ".cost").read().split()[1]) if index.ntotal else 0
    start_seconds = time.process_time()
    while index.ntotal < len(base):
        index.add(numpy.ascontiguousarray(base[index.ntotal:index.ntotal + BLOCK]))
        seconds = before + time.process_time() - start_seconds
        print(f"  FAISS: {index.ntotal} of {len(base)} rows, {seconds:.0f} processor seconds", file=sys.stderr, flush=True)
        if index.ntotal % KEEP_EVERY == 0 or index.ntotal == len(base):
            replace(partial, lambda path: faiss.write_index(index, path))
            replace(final + ".cost", lambda path: open(path, "w").write(f"{index.ntotal} {seconds}\n"))
    os.rename(partial, final)
    return index.ntotal


def open_index(folder, dimensions):
    global queries, truth, hnsw, flat
    faiss.omp_set_num_threads(1)
    queries = numpy.fromfile(folder + "/queries.f32", dtype="<f4").reshape(-1, dimensions)
    truth = numpy.fromfile(folder + "/truth.u32", dtype="<u4").reshape(len(queries), -1)
    hnsw = faiss.read_index(folder + "/faiss.hnsw")
    flat = faiss.downcast_index(hnsw.storage)
    return hnsw.ntotal


def open_flat(folder, dimensions):
    global queries, flat
    faiss.omp_set_num_threads(1)
    queries = numpy.fromfile(folder + "/queries.f32", dtype="<f4").reshape(-1, dimensions)
    base = numpy.memmap(folder + "/base.f32", dtype="<f4", mode="r").reshape(-1, dimensions)
    flat = faiss.IndexFlatIP(dimensions)
    for start in range(0, len(base), BLOCK):
        flat.add(numpy.ascontiguousarray(base[start:start + BLOCK]))
    return flat.ntotal


def seconds_per_query(index, count):
    start = time.perf_counter()
    for i in range(count):  # one at a time, as they arrive
        index.search(queries[i % len(queries)][None], 10)
    return (time.perf_counter() - start) / count


def graph(width):
    hnsw.hnsw.efSearch = width
    return hnsw


def recall(index):
    found = index.search(queries, 10)[1]
    return sum(len(set(a) & set(b)) for a, b in zip(found.tolist(), truth.tolist())) / truth.size


def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGESIZE")


for line in sys.stdin:
    try:
        word, *rest = line.split()
        if word == "build":
            print(build(rest[0], int(rest[1]), int(rest[2])), flush=True)
        elif word == "open":
            print(open_index(rest[0], int(rest[1])), flush=True)
        elif word == "open-flat":
            print(open_flat(rest[0], int(rest[1])), flush=True)
        elif word == "flat":
            print(seconds_per_query(flat, int(rest[0])), flush=True)
        elif word == "hnsw":
            print(seconds_per_query(graph(int(rest[1])), int(rest[0])), flush=True)
        elif word == "hnsw-recall":
            print(recall(graph(int(rest[0]))), flush=True)
        elif word == "resident":
            print(resident(), flush=True)
        else:
            print("error: no request", word, flush=True)
    except Exception as error:  # the bench shows it
        print("error:", error, flush=True)
