// SPDX-License-Identifier: Apache-2.0
//
// The reduced picture against the full one, both resized as the model wants it: how far apart are they?
#include "dicom/decode.h"
#include "image/resample.h"
#include "support/dicom_sets.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace chexworld {
namespace {

constexpr int kModelSide = 256;

/// Stored values scaled so that the full picture's range becomes 0 to 255.
struct Scale {
  float least = 0, most = 1;
};

float value_of(const StoredPixels& pixels, std::size_t i) {
  return pixels.is_signed ? float(std::int16_t(pixels.samples[i])) : float(pixels.samples[i]);
}

Scale scale_of(const StoredPixels& pixels) {
  Scale scale{value_of(pixels, 0), value_of(pixels, 0)};
  for (std::size_t i = 0; i < pixels.samples.size(); ++i) {
    scale.least = std::min(scale.least, value_of(pixels, i));
    scale.most = std::max(scale.most, value_of(pixels, i));
  }
  return scale;
}

FloatImage at_model_size(const StoredPixels& pixels, const Scale& scale) {
  FloatImage image{pixels.columns, pixels.rows, {}};
  for (std::size_t i = 0; i < pixels.samples.size(); ++i) {
    image.pixels.push_back((value_of(pixels, i) - scale.least) * 255.0f / std::max(1.0f, scale.most - scale.least));
  }
  return resize(image, {kModelSide, kModelSide});
}

double mean_difference(const FloatImage& a, const FloatImage& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(a.pixels[i] - b.pixels[i]);
  return sum / double(a.pixels.size());
}

struct Worst {
  double difference = 0;
  std::size_t count = 0;
};

TEST(DicomFastPath, PicturesAreAlmostThoseOfTheFullPath) {
  if (!test::have_data()) GTEST_SKIP() << "no test data: set CHEXWORLD_DATA_DIR";
  std::map<std::string, Worst> worst;
  std::size_t reduced = 0, all = 0;
  for (const char* set : {"wg04", "cxr", "real"}) {
    for (const test::DicomCase& item : test::dicom_cases(set)) {
      const DicomFile file = DicomFile::open(item.file);
      if (!file.has_pixel_data()) continue;
      ++all;
      const DecodedFrame fast = decode_frame(file, {.short_side = kModelSide});
      if (fast.plan.reduction == 1) continue;
      ++reduced;
      const DecodedFrame full = decode_frame(file);
      const Scale scale = scale_of(full.pixels);
      const double difference = mean_difference(at_model_size(fast.pixels, scale), at_model_size(full.pixels, scale));
      std::printf("%-45s %-45s %.3f\n", item.row.at("file").c_str(), fast.plan.path().c_str(), difference);
      EXPECT_LT(difference, 0.5) << item.row.at("file") << " by " << fast.plan.path() << ", grey levels of 255";
      Worst& kind = worst[fast.plan.decoder + ", " + fast.plan.reducer];
      kind.difference = std::max(kind.difference, difference);
      ++kind.count;
    }
  }
  for (const auto& [kind, figure] : worst) {
    std::printf("%-40s %zu objects, largest mean difference %.3f grey levels\n", kind.c_str(), figure.count,
                figure.difference);
  }
  test::report_coverage("objects reduced", reduced, all);
}

}  // namespace
}  // namespace chexworld
