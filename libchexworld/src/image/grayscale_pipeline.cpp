// SPDX-License-Identifier: Apache-2.0
#include "image/grayscale_pipeline.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

namespace chexworld {
namespace {

constexpr int kStoredValues = 1 << 16;

/// The number that a 16-bit pattern stands for.
int value_of(int pattern, bool is_signed) { return is_signed ? int(std::int16_t(std::uint16_t(pattern))) : pattern; }

double look_up(const LookupTable& table, double input) {
  const double index = std::clamp(std::round(input) - table.first_mapped, 0.0, double(table.entries.size() - 1));
  return table.entries[std::size_t(index)];
}

double modality_value(const GrayscaleAttributes& attributes, int stored) {
  if (attributes.modality_lut) return look_up(*attributes.modality_lut, stored);
  return stored * attributes.rescale_slope + attributes.rescale_intercept;
}

bool is_padding(const GrayscaleAttributes& attributes, int stored) {
  return attributes.padding && stored >= attributes.padding->first && stored <= attributes.padding->last;
}

/// PS3.3 C.11.2.1.2.1 and C.11.2.1.3, with output range [0,1].
double windowed(const Window& window, double x) {
  switch (window.function) {
    case VoiFunction::kSigmoid: return 1 / (1 + std::exp(-4 * (x - window.center) / window.width));
    case VoiFunction::kLinearExact: return std::clamp((x - window.center) / window.width + 0.5, 0.0, 1.0);
    case VoiFunction::kLinear: break;
  }
  const double center = window.center - 0.5, width = window.width - 1;
  if (x <= center - width / 2) return 0;
  if (x > center + width / 2) return 1;
  return (x - center) / width + 0.5;
}

double full_scale(const LookupTable& table) { return double((1 << table.bits) - 1); }

struct Range {
  double low = 0;
  double high = 0;
  double place(double x) const { return high > low ? std::clamp((x - low) / (high - low), 0.0, 1.0) : 0; }
};

/// How often each modality value occurs outside the padding, ascending.
std::vector<std::pair<double, std::uint64_t>> modality_histogram(const GrayscaleAttributes& attributes,
                                                                 const StoredPixels& pixels) {
  std::vector<std::uint64_t> counts(kStoredValues);
  for (const std::uint16_t sample : pixels.samples) ++counts[sample];
  std::vector<std::pair<double, std::uint64_t>> histogram;
  for (int pattern = 0; pattern < kStoredValues; ++pattern) {
    const int stored = value_of(pattern, pixels.is_signed);
    if (counts[std::size_t(pattern)] == 0 || is_padding(attributes, stored)) continue;
    histogram.emplace_back(modality_value(attributes, stored), counts[std::size_t(pattern)]);
  }
  std::sort(histogram.begin(), histogram.end());
  return histogram;
}

/// The smallest value that at least `percent` of the pixels do not exceed.
double percentile(std::span<const std::pair<double, std::uint64_t>> histogram, double percent) {
  std::uint64_t total = 0;
  for (const auto& [value, count] : histogram) total += count;
  const double wanted = double(total) * percent / 100;
  std::uint64_t seen = 0;
  for (const auto& [value, count] : histogram) {
    seen += count;
    if (double(seen) >= wanted) return value;
  }
  return histogram.back().first;
}

Range measure(const GrayscaleAttributes& attributes, const ContrastPolicy& policy, const StoredPixels& pixels,
              ContrastSource source) {
  const auto histogram = modality_histogram(attributes, pixels);
  if (histogram.empty()) return {};
  if (source == ContrastSource::kRange) return {histogram.front().first, histogram.back().first};
  return {percentile(histogram, policy.low_percent), percentile(histogram, policy.high_percent)};
}

/// Index into VOI LUTs followed by windows; -1 if there is neither.
int chosen(const GrayscaleAttributes& attributes, const ContrastPolicy& policy) {
  const int count = int(attributes.voi_luts.size() + attributes.windows.size());
  return std::clamp(policy.choice, 0, std::max(count, 1) - 1) - (count == 0 ? 1 : 0);
}

ContrastSource source_of(VoiFunction function) {
  switch (function) {
    case VoiFunction::kLinearExact: return ContrastSource::kLinearExact;
    case VoiFunction::kSigmoid: return ContrastSource::kSigmoid;
    case VoiFunction::kLinear: break;
  }
  return ContrastSource::kLinear;
}

}  // namespace

bool Window::usable() const {
  if (!std::isfinite(center) || !std::isfinite(width)) return false;
  return function == VoiFunction::kLinear ? width >= 1 : width > 0;
}

std::string_view name_of(ContrastSource source) {
  switch (source) {
    case ContrastSource::kVoiLut: return "voi-lut";
    case ContrastSource::kLinear: return "linear";
    case ContrastSource::kLinearExact: return "linear-exact";
    case ContrastSource::kSigmoid: return "sigmoid";
    case ContrastSource::kRange: return "range";
    case ContrastSource::kPercentile: return "percentile";
    case ContrastSource::kColour: break;
  }
  return "colour";
}

ContrastSource contrast_source(const GrayscaleAttributes& attributes, const ContrastPolicy& policy) {
  if (policy.kind == ContrastPolicy::Kind::kPercentile) return ContrastSource::kPercentile;
  const int index = chosen(attributes, policy);
  if (policy.kind == ContrastPolicy::Kind::kRange || index < 0) return ContrastSource::kRange;
  const int luts = int(attributes.voi_luts.size());
  return index < luts ? ContrastSource::kVoiLut : source_of(attributes.windows[std::size_t(index - luts)].function);
}

bool measured_on_pixels(ContrastSource source) {
  return source == ContrastSource::kRange || source == ContrastSource::kPercentile;
}

GrayscaleTransform::GrayscaleTransform(const GrayscaleAttributes& attributes, const ContrastPolicy& policy,
                                       const StoredPixels& pixels)
    : source_(contrast_source(attributes, policy)), float_table_(kStoredValues), gray_table_(kStoredValues) {
  const auto grey = compile(attributes, policy, pixels);
  for (std::size_t i = 0; i < std::size_t(kStoredValues); ++i) {
    float_table_[i] = float(grey[i]);
    gray_table_[i] = std::uint8_t(grey[i] * 255 + 0.5);
  }
}

std::unique_ptr<double[]> GrayscaleTransform::compile(const GrayscaleAttributes& attributes,
                                                      const ContrastPolicy& policy, const StoredPixels& pixels) const {
  const Range range = measured_on_pixels(source_) ? measure(attributes, policy, pixels, source_) : Range{};
  const int index = chosen(attributes, policy), luts = int(attributes.voi_luts.size());
  const auto of_interest = [&](double x) {
    if (measured_on_pixels(source_)) return range.place(x);
    if (index >= luts) return windowed(attributes.windows[std::size_t(index - luts)], x);
    const LookupTable& table = attributes.voi_luts[std::size_t(index)];
    return std::min(look_up(table, x) / full_scale(table), 1.0);
  };
  auto grey = std::make_unique<double[]>(kStoredValues);
  for (int pattern = 0; pattern < kStoredValues; ++pattern) {
    const int stored = value_of(pattern, pixels.is_signed);
    if (is_padding(attributes, stored)) continue;  // black
    const double value = of_interest(modality_value(attributes, stored));
    grey[std::size_t(pattern)] = attributes.inverted ? 1 - value : value;
  }
  return grey;
}

GrayImage GrayscaleTransform::to_gray(const StoredPixels& pixels) const {
  GrayImage image{pixels.columns, pixels.rows, std::vector<std::uint8_t>(pixels.samples.size())};
  const std::uint8_t* table = gray_table_.data();
  std::transform(pixels.samples.begin(), pixels.samples.end(), image.pixels.begin(),
                 [table](std::uint16_t sample) { return table[sample]; });
  return image;
}

FloatImage GrayscaleTransform::to_float(const StoredPixels& pixels) const {
  FloatImage image{pixels.columns, pixels.rows, std::vector<float>(pixels.samples.size())};
  const float* table = float_table_.data();
  std::transform(pixels.samples.begin(), pixels.samples.end(), image.pixels.begin(),
                 [table](std::uint16_t sample) { return table[sample]; });
  return image;
}

}  // namespace chexworld
