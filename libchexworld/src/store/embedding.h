// SPDX-License-Identifier: Apache-2.0
//
// Embeddings as they lie in a column: pgvector's binary form of halfvec (u16 count, u16 zero, then IEEE 754 binary16
// values, all big-endian), so the same bytes serve both backends. Values are divided by `scale`, a power of two that
// brings the largest to 1..2: a common scale changes no cosine, and nothing overflows.
#pragma once

#include "store/sql.h"

#include <span>
#include <vector>

namespace chexworld {

struct EncodedEmbedding {
  Bytes bytes;
  double scale = 1;
};

/// Needs 1 to 16000 finite values, not all zero.
EncodedEmbedding encode_embedding(std::span<const float> values);
/// Throws Failure(kMalformed) for bytes that encode_embedding cannot have written.
std::vector<float> decode_embedding(std::span<const std::byte> bytes, double scale);

/// f32, little-endian.
Bytes encode_floats(std::span<const float> values);
std::vector<float> decode_floats(std::span<const std::byte> bytes);

}  // namespace chexworld
