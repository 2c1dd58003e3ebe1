// SPDX-License-Identifier: Apache-2.0
//
// Model bundles: one safetensors file that holds everything needed to use a model.
//
// Tensors `encoder.*` (named as in published checkpoints), optionally `head.*`, and optionally a self-test: an input
// `selftest.input` f32[B,C,S,S] with the embeddings `selftest.embedding` f32[B,D] that a correct installation
// computes from it. The metadata holds `chexworld.format` ("1") and `chexworld.config` (JSON; docs/formats.md).
#pragma once

#include <chexworld/export.h>
#include <chexworld/result.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace chexworld {

/// One output of a head.
struct BundleLabel {
  std::string name;        ///< e.g. "Pneumothorax"
  double threshold = 0.5;  ///< probability from which a finding counts as present
  double slope = 1;        ///< calibration: logit becomes slope * logit + intercept
  double intercept = 0;
  friend bool operator==(const BundleLabel&, const BundleLabel&) = default;
};

/// A classification head on the encoder (specification, section 5).
struct BundleHead {
  enum class Kind {
    kLinear,      ///< "fc": final norm, mean over tokens, linear
    kNormLinear,  ///< "norm_fc": no final norm, mean over tokens, LayerNorm (eps 1e-5), linear
    kAttentive,   ///< "attn": cross-attention with one learned query, linear
    kMlp,         ///< "mlp": final norm, mean over tokens, linear to 4 D, GELU, linear
  };
  Kind kind = Kind::kLinear;
  bool exclusive = false;             ///< probabilities by softmax over all labels instead of sigmoid for each
  std::vector<BundleLabel> labels;    ///< C of them, in the order of the outputs
  std::int64_t attention_heads = 12;  ///< of an attentive head, whatever the encoder has; divides its width
  friend bool operator==(const BundleHead&, const BundleHead&) = default;
};

/// The films that a head's probabilities were calibrated on. For others there are none: the pipeline says why instead.
struct BundleDomain {
  /// Both ends included.
  struct Range {
    double least = 0;
    double most = 1;
    friend bool operator==(const Range&, const Range&) = default;
  };
  /// "PA", "AP", "frontal" (which of the two is not known), "lateral", "unknown"; empty: any view.
  std::vector<std::string> views;
  /// Notes about the picture (name_of(QualityNote), <chexworld/radiograph.h>) with which it counts as outside.
  std::vector<std::string> refused_quality;
  /// Of the picture that the network sees, black 0 to white 1: mean and standard deviation. None: any.
  std::optional<Range> brightness = {};
  std::optional<Range> contrast = {};
  friend bool operator==(const BundleDomain&, const BundleDomain&) = default;
};

/// Why a head gives no answer for a film.
struct Abstention {
  std::string reason;  ///< "view-outside", "quality-outside", "tone-outside"
  std::string detail;  ///< a clause for people; nothing that identifies a patient
  friend bool operator==(const Abstention&, const Abstention&) = default;
};

/// What a bundle is, without loading it. Plain value.
struct BundleInfo {
  std::string model_id;         ///< SHA-256 of the file, 64 hexadecimal digits
  std::string architecture;     ///< "vit_base", ...; empty for a size that has no name
  std::int64_t image_size = 0;  ///< pixels
  std::int64_t patch_size = 0;  ///< pixels
  std::int64_t width = 0;       ///< D, the length of an embedding
  std::int64_t depth = 0;
  std::int64_t heads = 0;
  std::int64_t parameters = 0;  ///< numbers in encoder.* and head.*
  std::optional<BundleHead> head;
  std::optional<BundleDomain> domain;  ///< of the head; without one every film is answered
  bool has_self_test = false;
  std::string licence;
  std::string config_json;  ///< the whole configuration
};

/// Opens and checks a bundle: format, configuration, and that exactly the tensors are there that it announces, each of
/// the announced shape. Thread safe. kNotFound without the file; kMalformed or kUnsupported, naming the place, else.
CHEXWORLD_API Result<BundleInfo> inspect_bundle(const std::filesystem::path& path);

}  // namespace chexworld
