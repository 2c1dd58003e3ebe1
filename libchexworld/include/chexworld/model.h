// SPDX-License-Identifier: Apache-2.0
//
// A CheXWorld image encoder: radiograph in, embedding out.
#pragma once

#include <chexworld/export.h>
#include <chexworld/result.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace chexworld {

/// Shape of a vision transformer without class token (CheXWorld, arXiv 2504.13820, section 5.1).
struct CHEXWORLD_API EncoderConfig {
  std::int64_t image_size = 224;  ///< pixels, side of the training images
  std::int64_t patch_size = 16;   ///< pixels, divides image_size
  std::int64_t channels = 3;
  std::int64_t width = 768;  ///< D, divisible by 4 and by heads
  std::int64_t depth = 12;   ///< transformer blocks
  std::int64_t heads = 12;
  double mlp_ratio = 4;
  bool qkv_bias = true;
  double norm_eps = 1e-6;

  std::int64_t grid() const { return image_size / patch_size; }
  std::int64_t patches() const { return grid() * grid(); }  ///< N

  /// vit_tiny, vit_small, vit_base, vit_large, vit_huge or vit_giant. kInvalidArgument for another name or for
  /// sizes that do not divide.
  static Result<EncoderConfig> preset(std::string_view name, std::int64_t image_size = 224,
                                      std::int64_t patch_size = 16);

  friend bool operator==(const EncoderConfig&, const EncoderConfig&) = default;
};

/// A loaded encoder on the CPU, in float32. Movable. Thread safe: embed() may be called from several threads at once.
class CHEXWORLD_API Model {
 public:
  /// Takes the encoder of a bundle (<chexworld/bundle.h>). A bundle whose head replaces the final norm ("norm_fc")
  /// gives tokens without final norm. kNotFound without the file; kMalformed where it is no bundle, where tensors do
  /// not fit its configuration, or where weights are not finite.
  static Result<Model> load(const std::filesystem::path& bundle);

  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;
  ~Model();

  const EncoderConfig& encoder() const;

  /// f32[B,channels,S,S], normalised as the model was trained, to f32[B,D]: mean over the patch tokens after the
  /// final norm. S is any multiple of patch_size; other sizes than image_size get a bicubically resized position
  /// table. kInvalidArgument where `images` does not hold `batch` images of that size.
  Result<std::vector<float>> embed(std::span<const float> images, std::int64_t batch, std::int64_t image_size) const;

  /// The same per patch, before the mean: f32[B,N,D], patches row by row.
  Result<std::vector<float>> embed_patches(std::span<const float> images, std::int64_t batch,
                                           std::int64_t image_size) const;

 private:
  struct Parts;
  explicit Model(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace chexworld
