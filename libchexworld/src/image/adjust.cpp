// SPDX-License-Identifier: Apache-2.0
#include "image/adjust.h"

#include "base/failure.h"
#include "image/geometry.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

namespace chexworld {

namespace {

void require_factor(double factor, double least, const char* what) {
  if (std::isfinite(factor) && factor >= least) return;
  fail(ErrorCode::kInvalidArgument, std::string(what) + " must be a finite number of at least " +
                                        std::to_string(least) + ", not " + std::to_string(factor));
}

int rounded_mean(const GrayHistogram& histogram) {
  std::int64_t count = 0;
  std::int64_t sum = 0;
  for (std::size_t v = 0; v < histogram.size(); ++v) {
    count += histogram[v];
    sum += histogram[v] * std::int64_t(v);
  }
  return count == 0 ? 0 : int(double(sum) / double(count) + 0.5);
}

std::uint8_t truncated(double value) { return std::uint8_t(std::clamp(value, 0.0, 255.0)); }

std::array<float, 256> normalized_values(float mean, float deviation) {
  std::array<float, 256> values;
  for (std::size_t v = 0; v < values.size(); ++v) values[v] = (float(v) / 255.0F - mean) / deviation;
  return values;
}

}  // namespace

GrayHistogram histogram_of(const GrayImage& image) {
  std::array<std::array<std::uint32_t, 256>, 4>
      partial{};  // neighbours are often equal: avoid waiting for the last one
  const std::size_t count = image.pixels.size();
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4)
    for (std::size_t k = 0; k < 4; ++k) ++partial[k][image.pixels[i + k]];
  for (; i < count; ++i) ++partial[0][image.pixels[i]];
  GrayHistogram histogram{};
  for (const auto& part : partial)
    for (std::size_t v = 0; v < histogram.size(); ++v) histogram[v] += part[v];
  return histogram;
}

ToneChain::ToneChain(const GrayHistogram& histogram) : histogram_(histogram) {
  std::iota(table_.begin(), table_.end(), std::uint8_t(0));
}

ToneChain& ToneChain::brightness(double factor) {
  require_factor(factor, 0, "the brightness factor");
  blend(0, float(factor));
  return *this;
}

ToneChain& ToneChain::contrast(double factor) {
  require_factor(factor, 0, "the contrast factor");
  blend(rounded_mean(histogram_), float(factor));
  return *this;
}

ToneChain& ToneChain::gamma(double exponent) {
  require_factor(exponent, 0, "gamma");
  if (exponent == 1.0) return *this;
  GrayTable next;
  for (std::size_t v = 0; v < next.size(); ++v)
    next[v] = std::uint8_t((255.0 + 1.0 - 1e-3) * std::pow(double(v) / 255.0, exponent));
  append(next);
  return *this;
}

void ToneChain::blend(int towards, float factor) {
  if (factor == 1.0F) return;
  GrayTable next;
  for (int v = 0; v < 256; ++v) {
    const float blended = float(towards) + factor * float(v - towards);
    next[std::size_t(v)] = truncated(blended);
  }
  append(next);
}

void ToneChain::append(const GrayTable& next) {
  GrayHistogram moved{};
  for (std::size_t v = 0; v < next.size(); ++v) moved[next[v]] += histogram_[v];
  histogram_ = moved;
  for (std::uint8_t& value : table_) value = next[value];
  identity_ = false;
}

GrayImage apply_table(const GrayTable& table, const GrayImage& image) {
  GrayImage result{image.width, image.height, std::vector<std::uint8_t>(image.pixels.size())};
  std::transform(image.pixels.begin(), image.pixels.end(), result.pixels.begin(),
                 [&table](std::uint8_t value) { return table[value]; });
  return result;
}

GrayImage adjust_brightness(const GrayImage& image, double factor) {
  return apply_table(ToneChain({}).brightness(factor).table(), image);
}

GrayImage adjust_contrast(const GrayImage& image, double factor) {
  return apply_table(ToneChain(histogram_of(image)).contrast(factor).table(), image);
}

GrayImage adjust_gamma(const GrayImage& image, double exponent) {
  return apply_table(ToneChain({}).gamma(exponent).table(), image);
}

std::vector<std::uint8_t> add_noise(const GrayImage& image, std::span<const float> field, double sigma) {
  require_picture(image, "noise");
  require_factor(sigma, 0, "the noise sigma");
  if (field.size() != image.pixels.size() * 3)
    fail(ErrorCode::kInvalidArgument, "noise: the field must have three values per pixel");
  std::vector<std::uint8_t> result(field.size());
  for (std::size_t i = 0; i < field.size(); ++i)
    result[i] = truncated(image.pixels[i / 3] + double(field[i]) * sigma * 255.0);
  return result;
}

GrayImage luma_of(std::span<const std::uint8_t> rgb, int height, int width) {
  GrayImage image{width, height, std::vector<std::uint8_t>(rgb.size() / 3)};
  require_picture(image, "luma");
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    const std::uint8_t* pixel = rgb.data() + i * 3;
    image.pixels[i] = std::uint8_t((pixel[0] * 19595 + pixel[1] * 38470 + pixel[2] * 7471 + 0x8000) >> 16);
  }
  return image;
}

void normalize(const GrayImage& image, const Normalization& normalization, std::span<float> output) {
  require_picture(image, "normalise");
  if (output.size() != image.pixels.size() * 3)
    fail(ErrorCode::kInvalidArgument, "normalise: the output must have three values per pixel");
  float* target = output.data();
  for (std::size_t c = 0; c < 3; ++c) {
    if (!(normalization.deviation[c] > 0)) fail(ErrorCode::kInvalidArgument, "normalise: deviations must be positive");
    const auto values = normalized_values(normalization.mean[c], normalization.deviation[c]);
    for (const std::uint8_t value : image.pixels) *target++ = values[value];
  }
}

}  // namespace chexworld
