"""Peer of bench_search: FAISS on one thread.

Requests: "load FOLDER DIMENSIONS" (answers the number of vectors), then "flat" or "hnsw EF" (seconds per query) and
"hnsw-recall EF" (recall@10). The HNSW index is built on first use and not in the numbers.
"""
import sys
import time

import faiss
import numpy

faiss.omp_set_num_threads(1)
base = queries = truth = hnsw = flat = None


def load(folder, dimensions):
    global base, queries, truth, flat
    base = numpy.fromfile(folder + "/base.f32", dtype="<f4").reshape(-1, dimensions)
    queries = numpy.fromfile(folder + "/queries.f32", dtype="<f4").reshape(-1, dimensions)
    truth = numpy.fromfile(folder + "/truth.u32", dtype="<u4").reshape(len(queries), -1)
    flat = faiss.IndexFlatIP(dimensions)
    flat.add(base)
    return len(base)


def graph(width):
    global hnsw
    if hnsw is None:
        hnsw = faiss.IndexHNSWFlat(base.shape[1], 16, faiss.METRIC_INNER_PRODUCT)
        hnsw.hnsw.efConstruction = 200
        hnsw.add(base)
    hnsw.hnsw.efSearch = width
    return hnsw


def seconds_per_query(index):
    start = time.perf_counter()
    for query in queries:  # one at a time, as they arrive
        index.search(query[None], 10)
    return (time.perf_counter() - start) / len(queries)


def recall(index):
    found = index.search(queries, 10)[1]
    return sum(len(set(a) & set(b)) for a, b in zip(found.tolist(), truth.tolist())) / truth.size


for line in sys.stdin:
    try:
        words = line.split()
        if words[0] == "load":
            print(load(words[1], int(words[2])), flush=True)
        elif words[0] == "flat":
            print(seconds_per_query(flat), flush=True)
        elif words[0] == "hnsw":
            print(seconds_per_query(graph(int(words[1]))), flush=True)
        elif words[0] == "hnsw-recall":
            print(recall(graph(int(words[1]))), flush=True)
        else:
            print("error: no request", words[0], flush=True)
    except Exception as error:  # the bench shows it
        print("error:", error, flush=True)
