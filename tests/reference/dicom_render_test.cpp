// SPDX-License-Identifier: Apache-2.0
//
// Rendered pictures against the reference renderings of the DICOM sets, case by case from their manifests.
#include "base/sha256.h"
#include "dicom/radiograph.h"
#include "image/content_area.h"
#include "image/png.h"
#include "support/dicom_sets.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <gmock/gmock.h>
#include <optional>

namespace chexworld {
namespace {

constexpr double kLargestMeanDifference = 0.25;  // grey levels, where the manifest does not call the case ambiguous

/// The manifest's reference picture and how much smaller than the object it is.
struct Reference {
  std::filesystem::path picture;
  int scale = 1;
};

std::optional<Reference> reference_of(const test::DicomCase& entry) {
  const std::filesystem::path folder = entry.file.parent_path();
  if (const std::string quarter = entry.cell("reference_png_quarter"); !quarter.empty())
    return Reference{folder / quarter, 4};
  const std::string name = entry.cell("reference_png");
  if (name.empty()) return std::nullopt;
  const std::string scale = entry.cell("png_scale");  // "1/8"
  const std::size_t slash = scale.find('/');
  return Reference{folder / name, slash == std::string::npos ? 1 : std::stoi(scale.substr(slash + 1))};
}

/// Area mean of scale x scale blocks, rounded half up; incomplete blocks at the end are left out.
GrayImage reduced(const GrayImage& image, int scale) {
  if (scale == 1) return image;
  GrayImage small{image.width / scale, image.height / scale, {}};
  for (int y = 0; y < small.height; ++y) {
    for (int x = 0; x < small.width; ++x) {
      int sum = 0;
      for (int j = 0; j < scale; ++j)
        for (int i = 0; i < scale; ++i) sum += image.at(y * scale + j, x * scale + i);
      small.pixels.push_back(std::uint8_t((2 * sum + scale * scale) / (2 * scale * scale)));
    }
  }
  return small;
}

struct Difference {
  double mean = 0;
  int largest = 0;
};

Difference difference(const GrayImage& a, const GrayImage& b) {
  Difference result;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) {
    const int here = std::abs(int(a.pixels[i]) - int(b.pixels[i]));
    result.mean += double(here) / double(a.pixels.size());
    result.largest = std::max(result.largest, here);
  }
  return result;
}

int tolerance_of(const test::DicomCase& entry) {
  const std::string stated = entry.cell("tolerance_grey_levels");
  return stated.empty() ? 2 : std::stoi(stated);
}

/// Whether the picture is the reference's to the bit, by hash; nothing where the manifest has no hash.
std::optional<bool> same_hash(const test::DicomCase& entry, const GrayImage& picture) {
  const std::string wanted = entry.cell("sha256_render");
  if (wanted.empty()) return std::nullopt;
  return to_hex(sha256(std::as_bytes(std::span(picture.pixels)))) == wanted;
}

void expect_like(const Reference& reference, const test::DicomCase& entry, const GrayImage& picture) {
  const GrayImage wanted = read_picture(reference.picture);
  const GrayImage found = reduced(picture, reference.scale);
  ASSERT_EQ(found.width, wanted.width);
  ASSERT_EQ(found.height, wanted.height);
  const Difference off = difference(found, wanted);
  EXPECT_LE(off.mean, kLargestMeanDifference);
  EXPECT_LE(off.largest, tolerance_of(entry));
}

class DicomRender : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!test::have_data()) GTEST_SKIP() << "no test data: set CHEXWORLD_DATA_DIR";
  }
};

TEST_P(DicomRender, EqualsTheReferenceRendering) {
  std::size_t covered = 0, exact = 0, hashed = 0, total = 0;
  RenderOptions options;
  options.render_skipped = true;
  for (const test::DicomCase& entry : test::dicom_cases(GetParam())) {
    const std::optional<Reference> reference = reference_of(entry);
    if (!reference) continue;
    SCOPED_TRACE(entry.cell("file"));
    ++total;
    const Result<Radiograph> rendered = load_radiograph(entry.file, options);
    EXPECT_TRUE(rendered.ok()) << rendered.error().message();
    if (!rendered.ok()) continue;
    ++covered;
    const std::optional<bool> equal = same_hash(entry, rendered->picture);
    hashed += equal.has_value() ? 1 : 0;
    exact += equal.value_or(false) ? 1 : 0;
    if (entry.cell("ambiguous") == "yes" || equal.value_or(false)) continue;
    if (equal) std::printf("within tolerance, not to the bit: %s\n", entry.cell("file").c_str());
    EXPECT_TRUE(entry.cell("lossy") != "no" || equal.value_or(true)) << "not equal to the bit";
    expect_like(*reference, entry, rendered->picture);
  }
  test::report_coverage(GetParam() + " pictures rendered", covered, total);
  test::report_coverage(GetParam() + " pictures equal to the bit, of those with a hash", exact, hashed);
}

TEST_P(DicomRender, FloatPictureIsTheSameBeforeRounding) {
  RenderOptions options;
  options.float_picture = true;
  options.render_skipped = true;
  for (const test::DicomCase& entry : test::dicom_cases(GetParam())) {
    if (!reference_of(entry)) continue;
    SCOPED_TRACE(entry.cell("file"));
    const Result<Radiograph> rendered = load_radiograph(entry.file, options);
    ASSERT_TRUE(rendered.ok()) << rendered.error().message();
    ASSERT_EQ(rendered->grey.size(), rendered->picture.pixels.size());
    double worst = 0;
    for (std::size_t i = 0; i < rendered->grey.size(); ++i)
      worst = std::max(worst, std::abs(double(rendered->grey[i]) * 255 - rendered->picture.pixels[i]));
    EXPECT_LE(worst, 0.5 + 1e-4);
  }
}

/// The fast path has to give what the full path gives after reduction, up to resampling.
TEST_P(DicomRender, FastPathShowsTheSamePicture) {
  RenderOptions full, fast;
  full.render_skipped = fast.render_skipped = true;
  fast.fast = true;
  fast.short_side = 128;
  std::size_t reduced_count = 0, total = 0;
  for (const test::DicomCase& entry : test::dicom_cases(GetParam())) {
    if (!reference_of(entry)) continue;
    SCOPED_TRACE(entry.cell("file"));
    const Result<Radiograph> whole = load_radiograph(entry.file, full), small = load_radiograph(entry.file, fast);
    ASSERT_TRUE(whole.ok() && small.ok());
    ++total;
    reduced_count += small->picture.pixels.size() < whole->picture.pixels.size() ? 1 : 0;
    EXPECT_LE(small->picture.pixels.size(), whole->picture.pixels.size());
    const int side = std::min({64, small->picture.width, small->picture.height});
    const Difference off = difference(resize(whole->picture, {side, side}), resize(small->picture, {side, side}));
    EXPECT_LE(off.mean, 2.0);
  }
  test::report_coverage(GetParam() + " pictures reduced by the fast path", reduced_count, total);
}

INSTANTIATE_TEST_SUITE_P(Sets, DicomRender, testing::Values("cxr", "real", "ignore", "wg04"),
                         [](const auto& set) { return set.param; });

}  // namespace
}  // namespace chexworld
