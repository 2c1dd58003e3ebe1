// SPDX-License-Identifier: Apache-2.0
//
// Float32 weights out of a bundle: checked, not yet arranged for any backend.
#pragma once

#include "bundle/bundle.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace chexworld {

inline std::int64_t grid_of(const EncoderShape& shape) { return shape.image_size / shape.patch_size; }
inline std::int64_t head_width(const EncoderShape& shape) { return shape.width / shape.heads; }
inline std::int64_t image_values(const EncoderShape& shape) {
  return shape.channels * shape.image_size * shape.image_size;
}
inline std::int64_t patch_values(const EncoderShape& shape) {
  return shape.channels * shape.patch_size * shape.patch_size;
}

/// y = x W^T + b
struct LinearWeights {
  std::int64_t inputs = 0;
  std::int64_t outputs = 0;
  std::vector<float> weight;  ///< f32[outputs,inputs]
  std::vector<float> bias;    ///< f32[outputs]
};

struct NormParameters {
  std::vector<float> gain;   ///< f32[D]
  std::vector<float> shift;  ///< f32[D]
};

/// Takes tensors of a bundle as f32; Failure(kMalformed) naming one that is not finite.
class WeightReader {
 public:
  explicit WeightReader(const Bundle& bundle) : bundle_(bundle) {}  // keeps a reference

  bool has(const std::string& name) const;
  const std::string& origin() const;  ///< the file's name, for messages
  std::vector<float> take(const std::string& name) const;
  LinearWeights linear(const std::string& name, std::int64_t inputs, std::int64_t outputs, bool bias = true) const;
  NormParameters norm(const std::string& name) const;

 private:
  const Bundle& bundle_;
};

struct BlockWeights {
  NormParameters norm1;
  LinearWeights qkv;  ///< rows: q, k, v, each split into heads
  LinearWeights proj;
  NormParameters norm2;
  LinearWeights fc1;
  LinearWeights fc2;
};

struct EncoderWeights {
  EncoderShape shape;
  LinearWeights patch_embed;     ///< inputs: channel, row, column within the patch
  std::vector<float> positions;  ///< f32[N,D]
  std::vector<BlockWeights> blocks;
  std::optional<NormParameters> norm;  ///< none where the head brings its own
};

/// An input and what an f32 encoder made of it, stored with the model.
struct SelfTest {
  std::int64_t batch = 0;
  std::int64_t image_size = 0;
  std::vector<float> images;     ///< f32[batch,channels,S,S]
  std::vector<float> embedding;  ///< f32[batch,D]
};

/// Sizes other than the bundle's; 0 keeps them.
struct SizeOverride {
  std::int64_t image_size = 0;
  std::int64_t patch_size = 0;
};

/// Throws Failure: kMalformed naming a tensor that is not finite; kInvalidArgument for `sizes` that do not divide.
EncoderWeights read_encoder(const Bundle& bundle, const SizeOverride& sizes);

/// Empty where the bundle has none. Throws Failure(kMalformed) where it is not finite.
std::optional<SelfTest> read_self_test(const Bundle& bundle);

}  // namespace chexworld
