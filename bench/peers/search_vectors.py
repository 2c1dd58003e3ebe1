# SPDX-License-Identifier: Apache-2.0
"""Makes the vectors of bench_search: search_vectors.py FOLDER COUNT QUERIES DIMENSIONS SEED [EMBEDDINGS]

EMBEDDINGS is f32[N, DIMENSIONS] of real films (embed_films). Each made-up vector is a real one, moved: in the axes of
the real covariance (variances t), x = mean + sqrt(1 - w/t) * (real - mean) + sqrt(w) * noise, where w is the variance,
along the same axes, of the differences between real vectors and their ten nearest, halved. So the cloud as a whole has
the real covariance and mean, and around each real vector lies a neighbourhood as wide, and in as many directions, as
real neighbourhoods are. At most the share 0.9 of a variance is given to the noise.

Without EMBEDDINGS, t and w are those below, and the real vectors are replaced by one normal draw per 500.

Writes base.f32, queries.f32 (from the same distribution, not among the base), truth.u32 (u32[QUERIES, 10] by exhaustive
comparison in single precision), then facts.json. All of unit length.
"""
import json
import os
import sys

import faiss
import numpy

# Fitted to the embeddings of 1,533 chest radiographs by a freshly initialised ViT-B/16; docs/search.md.
MEAN_SHARE = 0.843  # of the squared length
AXES = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
SPREAD = [0.901, 0.0646, 0.0144, 0.00332, 4.91e-4, 1.80e-4, 6.48e-5, 2.39e-5, 7.5e-6, 1.85e-6, 2.33e-7]  # t of these
NEAR = [0.00141, 0.00964, 0.089, 0.356, 0.545, 0.748, 0.814, 0.867, 0.901, 0.969, 0.999]  # w / t of these
MOST_NOISE = 0.9
BLOCK = 50_000


def unit(vectors):
    return vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)


def neighbour_differences(vectors, axes):
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    near = index.search(vectors, 11)[1][:, 1:]
    return ((vectors[near] - vectors[:, None]).reshape(-1, vectors.shape[1]) @ axes).var(axis=0) / 2


def fitted(path, dimensions):
    vectors = unit(numpy.fromfile(path, dtype="<f4").reshape(-1, dimensions))
    mean = vectors.mean(axis=0)
    total, axes = numpy.linalg.eigh(numpy.cov(vectors.T))
    total, axes = numpy.maximum(total[::-1], 1e-12), axes[:, ::-1].astype("f4")
    near = neighbour_differences(vectors, axes)
    return mean, axes, total, near, (vectors - mean) @ axes


def invented(count, dimensions, random):
    def between(values):
        return numpy.exp(numpy.interp(numpy.log1p(numpy.arange(dimensions)), numpy.log1p(AXES), numpy.log(values)))

    total = between(SPREAD)
    total *= (1 - MEAN_SHARE) / total.sum()
    near = total * between(NEAR)
    axes = numpy.linalg.qr(random.standard_normal((dimensions, dimensions)))[0].astype("f4")
    mean = unit(random.standard_normal((1, dimensions)))[0] * MEAN_SHARE**0.5
    centres = random.standard_normal((max(count // 500, 1), dimensions)) * total**0.5
    return mean, axes, total, near, centres


def drawer(model, random):
    mean, axes, total, near, centres = model
    noise = numpy.minimum(near, MOST_NOISE * total)
    kept = (numpy.sqrt(1 - noise / total) * centres).astype("f4")
    deviation = numpy.sqrt(noise).astype("f4")

    def draw(count):
        found = kept[random.integers(len(kept), size=count)]
        found += deviation * random.standard_normal(found.shape, dtype="f4")
        return unit(found @ axes.T + mean.astype("f4")).astype("<f4")

    return draw, noise


def write(path, blocks):
    with open(path + ".partial", "wb") as file:
        for block in blocks:
            file.write(block.tobytes())
    os.rename(path + ".partial", path)


def truth_of(folder, queries):
    best = numpy.full((len(queries), 10), -2, dtype="f4"), numpy.zeros((len(queries), 10), dtype="<u4")
    base = numpy.memmap(folder + "/base.f32", dtype="<f4", mode="r").reshape(-1, queries.shape[1])
    for start in range(0, len(base), BLOCK):
        index = faiss.IndexFlatIP(queries.shape[1])
        index.add(numpy.ascontiguousarray(base[start:start + BLOCK]))
        score, row = index.search(queries, 10)
        score = numpy.concatenate([best[0], score], axis=1)
        row = numpy.concatenate([best[1], (row + start).astype("<u4")], axis=1)
        order = numpy.argsort(-score, axis=1, kind="stable")[:, :10]
        best = numpy.take_along_axis(score, order, 1), numpy.take_along_axis(row, order, 1)
    return best


def main(folder, count, queries, dimensions, seed, embeddings=None):
    random = numpy.random.default_rng(seed)
    model = fitted(embeddings, dimensions) if embeddings else invented(count, dimensions, random)
    draw, noise = drawer(model, random)
    write(folder + "/base.f32", (draw(min(BLOCK, count - start)) for start in range(0, count, BLOCK)))
    asked = draw(queries)
    write(folder + "/queries.f32", [asked])
    score, row = truth_of(folder, asked)
    write(folder + "/truth.u32", [row])
    total = model[2]
    facts = {
        "fitted": embeddings is not None,
        "mean_share": float((model[0] ** 2).sum()),
        "spread": float(total.sum()),
        "effective_directions": float(total.sum() ** 2 / (total**2).sum()),
        "near_share": float(noise.sum() / total.sum()),
        "effective_near_directions": float(noise.sum() ** 2 / (noise**2).sum()),
        "cosine_to_nearest": float(score[:, 0].mean()),
        "cosine_to_tenth": float(score[:, 9].mean()),
        "cosine_to_any": float((asked[:-1] * asked[1:]).sum(axis=1).mean()),
    }
    with open(folder + "/facts.json.partial", "w") as file:
        json.dump(facts, file, indent=1)
    os.rename(folder + "/facts.json.partial", folder + "/facts.json")


main(sys.argv[1], *map(int, sys.argv[2:6]), *sys.argv[6:])
