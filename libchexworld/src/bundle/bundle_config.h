// SPDX-License-Identifier: Apache-2.0
//
// What a bundle's metadata entry "chexworld.config" says.
#pragma once

#include "base/config.h"
#include "bundle/encoder_shape.h"

#include <chexworld/bundle.h>

#include <optional>
#include <string>
#include <string_view>

namespace chexworld {

/// Where imported weights came from.
struct BundleSource {
  std::string file;       ///< name without folder
  std::string sha256;     ///< of that file
  std::string component;  ///< "target_encoder", "encoder", ...
  std::vector<std::string> notes;
};

/// A segmentation decoder on the encoder; its tensors stand below "decoder.".
struct BundleDecoder {
  std::string kind;                 ///< "unet", "unet4", "linear", "upernet"
  std::int64_t channels = 32;       ///< of its maps
  std::vector<std::string> labels;  ///< what its outputs are regions of
  double threshold = 0.5;           ///< probability from which a pixel belongs to a region
  friend bool operator==(const BundleDecoder&, const BundleDecoder&) = default;
};

struct BundleConfig {
  EncoderShape encoder;
  Json preprocessing = Json::object();  ///< the preparation recipe; the image room reads it
  std::optional<BundleHead> head;
  std::optional<BundleDecoder> decoder;
  std::optional<BundleDomain> domain;
  Json evaluation = Json::object();  ///< how good the head is, on which films: any keys, for people
  Json training = Json::object();    ///< summary: any keys, for people
  std::optional<BundleSource> source;
  std::string licence;
};

/// Keys "encoder", "preprocessing", "head", "decoder", "domain", "evaluation", "training", "source", "licence"; only
/// the first is required. Throws Failure(kMalformed) for text that is not such an object; an unknown key is an error
/// that names it.
BundleConfig parse_bundle_config(std::string_view text);
Json to_json(const BundleConfig& config);

/// Names and shapes of the tensors "head.*" of a head over features of `width`.
ShapeMap head_tensors(const BundleHead& head, std::int64_t width);

}  // namespace chexworld
