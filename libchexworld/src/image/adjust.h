// SPDX-License-Identifier: Apache-2.0
//
// Brightness, contrast, gamma and noise in 8 bits, bit for bit as Pillow and torchvision compute them.
//
// All but noise map a grey value to a grey value, so a chain of them is one table and one pass over the
// picture. Pure functions: safe from any thread.
#pragma once

#include "image/image.h"

#include <array>
#include <span>

namespace chexworld {

/// What each grey value becomes.
using GrayTable = std::array<std::uint8_t, 256>;

/// How often each grey value occurs.
using GrayHistogram = std::array<std::int64_t, 256>;

GrayHistogram histogram_of(const GrayImage& image);

/// A chain of tables over one picture, whose histogram is followed because contrast needs the mean.
/// Factors are used in single precision; a factor of 1 changes nothing. They must be finite and not
/// negative, gamma positive: else Failure(kInvalidArgument).
class ToneChain {
 public:
  explicit ToneChain(const GrayHistogram& histogram);

  ToneChain& brightness(double factor);  ///< v -> f * v, cut to 0..255 and truncated
  ToneChain& contrast(double factor);    ///< v -> m + f * (v - m), m the rounded mean
  ToneChain& gamma(double exponent);     ///< v -> int(255.999 * (v / 255)^g)

  const GrayTable& table() const { return table_; }
  bool is_identity() const { return identity_; }

 private:
  void append(const GrayTable& next);
  void blend(int towards, float factor);

  GrayTable table_;
  GrayHistogram histogram_;
  bool identity_ = true;
};

GrayImage apply_table(const GrayTable& table, const GrayImage& image);

GrayImage adjust_brightness(const GrayImage& image, double factor);
GrayImage adjust_contrast(const GrayImage& image, double factor);
GrayImage adjust_gamma(const GrayImage& image, double exponent);

/// Adds `field * sigma * 255`, cut to 0..255 and truncated, to three copies of the picture.
/// `field`: f32[H, W, 3] standard normal; `sigma`: share of full scale. Result: u8[H, W, 3].
std::vector<std::uint8_t> add_noise(const GrayImage& image, std::span<const float> field, double sigma);

/// ITU-R 601 luma of u8[H, W, 3] in 16-bit fixed point; equal channels stay as they are.
GrayImage luma_of(std::span<const std::uint8_t> rgb, int height, int width);

/// What the network sees: v / 255, minus mean, divided by deviation; three channels from one.
struct Normalization {
  std::array<float, 3> mean{0.485F, 0.456F, 0.406F};
  std::array<float, 3> deviation{0.229F, 0.224F, 0.225F};

  friend bool operator==(const Normalization&, const Normalization&) = default;
};

/// Writes f32[3, H, W]; `output` must have exactly that many elements, deviations must be positive.
void normalize(const GrayImage& image, const Normalization& normalization, std::span<float> output);

}  // namespace chexworld
