// SPDX-License-Identifier: Apache-2.0
#include "phantom/exposure.h"

#include <algorithm>
#include <cmath>

namespace chexworld::phantom {

namespace {

constexpr Look kUpright[kLooks] = {{"Upright A", 12, false, 0.14, 70'000, 0.16, 0.50, 0.55, 1.05, 0.00},
                                   {"Upright B", 14, false, 0.10, 90'000, 0.12, 0.62, 0.80, 0.95, 0.02},
                                   {"Plate C", 10, true, 0.22, 40'000, 0.20, 0.40, 0.30, 1.10, -0.02},
                                   {"Plate D", 12, true, 0.18, 45'000, 0.22, 0.45, 0.45, 1.15, 0.03},
                                   {"Upright E", 12, false, 0.12, 80'000, 0.14, 0.66, 0.65, 0.88, 0.00}};
constexpr Look kPortable[kLooks] = {{"Mobile F", 12, false, 0.18, 22'000, 0.36, 0.52, 0.55, 1.15, 0.00},
                                    {"Mobile G", 14, false, 0.14, 28'000, 0.32, 0.62, 0.75, 1.05, 0.03},
                                    {"Plate C", 10, true, 0.24, 16'000, 0.42, 0.42, 0.35, 1.25, -0.03},
                                    {"Plate D", 12, true, 0.20, 18'000, 0.40, 0.50, 0.40, 1.20, 0.02},
                                    {"Mobile H", 12, false, 0.16, 30'000, 0.34, 0.66, 0.60, 0.95, 0.00}};

FloatImage exponential_of_negative(const FloatImage& attenuation) {
  FloatImage result = attenuation;
  for (float& value : result.pixels) value = std::exp(-value);
  return result;
}

/// Primary and scattered quanta relative to the open beam, as the detector blurs them.
FloatImage intensity(const FloatImage& attenuation, const Raster& raster, const Look& look) {
  FloatImage primary = exponential_of_negative(attenuation);
  const FloatImage near = blurred(primary, 18 / raster.pixel_mm), far = blurred(primary, 60 / raster.pixel_mm);
  for (std::size_t i = 0; i < primary.pixels.size(); ++i) {
    // The open beam scatters nothing: only what went through the body does.
    const auto scattered =
        float(look.scatter) * (0.6F * std::min(near.pixels[i], 0.3F) + 0.4F * std::min(far.pixels[i], 0.3F));
    primary.pixels[i] += scattered;
  }
  return blurred(primary, look.blur_mm / raster.pixel_mm);
}

void add_quantum_noise(FloatImage& image, const Raster& raster, const Look& look, RandomSource& random) {
  const double quanta = look.quanta_per_mm2 * raster.pixel_mm * raster.pixel_mm;
  std::vector<float> field(image.pixels.size());
  fill_normal(random, field);
  FloatImage noise{image.width, image.height, std::move(field)};
  // The detector's light spreads a little, and the noise with it.
  noise = blurred(noise, std::min(0.6, 0.6 * look.blur_mm / raster.pixel_mm));
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    const double mean = std::max(1e-5F, image.pixels[i]);
    image.pixels[i] = float(std::max(1e-5, mean + noise.pixels[i] * std::sqrt(mean / quanta)));
  }
}

/// Value below which `share` of the pixels lie.
float percentile(std::vector<float> values, double share) {
  const auto at = values.begin() + std::ptrdiff_t(share * double(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

/// Large structures flattened, small ones raised: what makers call multi-scale processing.
void process(FloatImage& density, const Raster& raster, const Look& look) {
  const FloatImage large = blurred(density, 26 / raster.pixel_mm);
  const FloatImage fine = blurred(density, std::max(0.9, 0.9 / raster.pixel_mm));
  const FloatImage middle = blurred(density, std::max(2.0, 4.5 / raster.pixel_mm));
  const float mean = percentile(large.pixels, 0.5);
  for (std::size_t i = 0; i < density.pixels.size(); ++i) {
    const float value = density.pixels[i];
    density.pixels[i] = value - float(look.compression) * (large.pixels[i] - mean) +
                        float(look.sharpening) * (value - fine.pixels[i]) +
                        0.45F * float(look.sharpening) * (fine.pixels[i] - middle.pixels[i]);
  }
}

float tone(double x, const Look& look) {
  const double steep = 4.4 * look.contrast;
  const auto logistic = [steep](double value) { return 1 / (1 + std::exp(-steep * value)); };
  const double low = logistic(-0.5), high = logistic(0.5);
  return float(std::clamp((logistic(x - 0.5 + look.brightness) - low) / (high - low), 0.0, 1.0));
}

}  // namespace

const Look& look_of(int number, bool portable) {
  const Look* looks = portable ? kPortable : kUpright;
  return looks[number % kLooks];
}

FloatImage expose(const FloatImage& attenuation, const Raster& raster, const Look& look, RandomSource& random) {
  FloatImage image = intensity(attenuation, raster, look);
  add_quantum_noise(image, raster, look, random);
  for (float& value : image.pixels) value = -std::log(std::max(value, 1e-5F));
  // What lies in the body sets the scale; open beam becomes black.
  std::vector<float> body;
  process(image, raster, look);
  for (std::size_t i = 0; i < image.pixels.size(); ++i)
    if (attenuation.pixels[i] > 0.9F) body.push_back(image.pixels[i]);
  if (body.empty()) body = image.pixels;
  const double low = percentile(body, 0.012), high = percentile(body, 0.997);
  for (float& value : image.pixels) value = tone((value - low) / std::max(high - low, 1e-3) * 0.96 + 0.04, look);
  return image;
}

}  // namespace chexworld::phantom
