// SPDX-License-Identifier: Apache-2.0
#include "phantom/field.h"

#include <algorithm>
#include <cmath>

namespace chexworld::phantom {

namespace {

constexpr double kWidestDirect = 4;  // pixels

std::vector<float> gaussian(double sigma) {
  const int radius = std::max(1, int(std::ceil(3 * sigma)));
  std::vector<float> weights;
  double sum = 0;
  for (int i = -radius; i <= radius; ++i) sum += std::exp(-0.5 * i * i / (sigma * sigma));
  for (int i = -radius; i <= radius; ++i) weights.push_back(float(std::exp(-0.5 * i * i / (sigma * sigma)) / sum));
  return weights;
}

/// Blurs along rows and writes the result turned over its diagonal, so that twice is both directions.
FloatImage blurred_and_turned(const FloatImage& image, const std::vector<float>& weights) {
  FloatImage turned{image.height, image.width, std::vector<float>(image.pixels.size())};
  const int radius = int(weights.size() / 2);
  std::vector<float> padded(std::size_t(image.width + 2 * radius));
  for (int y = 0; y < image.height; ++y) {
    const float* row = image.pixels.data() + std::size_t(y) * std::size_t(image.width);
    for (int x = -radius; x < image.width + radius; ++x)
      padded[std::size_t(x + radius)] = row[std::clamp(x, 0, image.width - 1)];
    for (int x = 0; x < image.width; ++x) {
      float sum = 0;
      for (std::size_t k = 0; k < weights.size(); ++k) sum += weights[k] * padded[std::size_t(x) + k];
      turned.pixels[std::size_t(x) * std::size_t(image.height) + std::size_t(y)] = sum;
    }
  }
  return turned;
}

}  // namespace

FloatImage blank(const Raster& raster, float value) {
  return {raster.width, raster.height,
          std::vector<float>(std::size_t(raster.width) * std::size_t(raster.height), value)};
}

FloatImage blurred(const FloatImage& image, double sigma) {
  if (sigma <= 0.05) return image;
  if (sigma > kWidestDirect) {
    const double factor = sigma / (0.6 * kWidestDirect);
    const PixelSize small{std::max(2, int(image.height / factor)), std::max(2, int(image.width / factor))};
    return resize(blurred(resize(image, small), sigma * small.width / image.width), {image.height, image.width});
  }
  const std::vector<float> weights = gaussian(sigma);
  return blurred_and_turned(blurred_and_turned(image, weights), weights);
}

FloatImage noise_field(RandomSource& random, const Raster& raster, double grain) {
  const double step = std::max(grain, 1.0);
  FloatImage coarse;
  coarse.width = std::max(2, int(std::ceil(raster.width / step)));
  coarse.height = std::max(2, int(std::ceil(raster.height / step)));
  coarse.pixels.resize(std::size_t(coarse.width) * std::size_t(coarse.height));
  fill_normal(random, coarse.pixels);
  return resize(coarse, {raster.height, raster.width});
}

}  // namespace chexworld::phantom
