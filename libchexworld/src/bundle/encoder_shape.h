// SPDX-License-Identifier: Apache-2.0
//
// The encoder as a list of names and shapes: what a bundle must hold, and what shapes alone tell of an architecture.
#pragma once

#include "base/config.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace chexworld {

/// A vision transformer without class token (specification, section 1). Plain value.
struct EncoderShape {
  std::int64_t image_size = 224;  ///< pixels, side of the training images: patch_size times the grid's side
  std::int64_t patch_size = 16;   ///< pixels
  std::int64_t channels = 3;
  std::int64_t width = 768;  ///< D
  std::int64_t depth = 12;
  std::int64_t heads = 12;
  std::int64_t mlp_width = 3072;
  bool qkv_bias = true;
  double norm_eps = 1e-6;

  std::int64_t patches() const { return (image_size / patch_size) * (image_size / patch_size); }  ///< N
  friend bool operator==(const EncoderShape&, const EncoderShape&) = default;
};

/// {"image_size", "patch_size", "channels", "width", "depth", "heads", "mlp_ratio", "qkv_bias", "norm_eps"}, all but
/// the last two required. Throws Failure(kInvalidArgument) naming the key.
EncoderShape encoder_shape_from(ConfigReader reader);
Json to_json(const EncoderShape& shape);

using ShapeMap = std::map<std::string, std::vector<std::int64_t>>;

/// Names and shapes of all its tensors: "pos_embed" [1,N,D], "patch_embed.proj.weight" [D,C,P,P], "blocks.0...",
/// "norm.*".
ShapeMap encoder_tensors(const EncoderShape& shape);

/// "vit_base" and the like for the six sizes of the specification, "" for any other.
std::string architecture_name(const EncoderShape& shape);
/// Width, depth, heads and MLP width of a named architecture; throws Failure(kInvalidArgument) listing the names.
EncoderShape named_architecture(const std::string& name);
/// The number of heads that goes with a width in the specification's table; 0 where it is not in the table.
std::int64_t usual_heads(std::int64_t width);

}  // namespace chexworld
