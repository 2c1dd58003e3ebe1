// SPDX-License-Identifier: Apache-2.0
//
// Reading and writing model bundles; <chexworld/bundle.h> says what is in one.
#pragma once

#include "bundle/bundle_config.h"
#include "bundle/safetensors.h"

#include <chexworld/bundle.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace chexworld {

/// An open, checked bundle. Move-only; immutable and so safe to read from several threads.
class Bundle {
 public:
  /// Throws Failure naming file and place: kNotFound, kMalformed, kUnsupported, kTooLarge.
  static Bundle open(const std::filesystem::path& path);
  /// The same for a file that is open already.
  explicit Bundle(SafetensorsFile file);

  const BundleConfig& config() const { return config_; }
  const SafetensorsFile& file() const { return file_; }

  /// The encoder's tensors without their prefix, f32, f16 or bf16: "pos_embed", "blocks.0.norm1.weight", ...
  TensorMap encoder() const { return below("encoder."); }
  /// The head's tensors with their full names "head.*"; empty without a head.
  TensorMap head() const;

  /// The decoder's tensors without the prefix "decoder."; empty without one. Whether they are those of its kind is seen
  /// when they are loaded (nn/segmenter_bundle.h).
  TensorMap decoder() const { return below("decoder."); }

  struct SelfTest {
    TensorView input;      ///< f32[B,C,S,S], normalised
    TensorView embedding;  ///< f32[B,D]
  };
  std::optional<SelfTest> self_test() const;

  /// SHA-256 of the file, 64 hexadecimal digits; reads the whole file.
  std::string model_id() const;

 private:
  TensorMap below(std::string_view prefix) const;

  SafetensorsFile file_;
  BundleConfig config_;
};

/// Writes a bundle, atomically: `tensors` by full name ("encoder.norm.weight", "head.bias", "selftest.input").
/// Throws Failure(kInvalidArgument) where config and tensors do not fit; what write_file_atomically throws.
void write_bundle(const std::filesystem::path& path, const BundleConfig& config, const TensorMap& tensors);

}  // namespace chexworld
