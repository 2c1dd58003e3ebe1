// SPDX-License-Identifier: Apache-2.0
//
// Stored values of every object of the DICOM sets against the manifests' hashes.
#include "base/sha256.h"
#include "dicom/decode.h"
#include "support/dicom_sets.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstdlib>

namespace chexworld {
namespace {

using test::DicomCase;

/// Little-endian bytes as the manifests hash them: 8 bits where the object allocates 8.
std::vector<std::byte> bytes_of(const StoredPixels& pixels, bool narrow) {
  std::vector<std::byte> bytes;
  bytes.reserve(pixels.samples.size() * 2);
  for (const std::uint16_t value : pixels.samples) {
    bytes.push_back(std::byte(value & 0xff));
    if (!narrow) bytes.push_back(std::byte(value >> 8));
  }
  return bytes;
}

std::string hash_of(const StoredPixels& pixels, bool narrow) { return to_hex(sha256(bytes_of(pixels, narrow))); }

std::string expected_hash(const DicomCase& item) {
  const std::string pixels = item.cell("sha256_pixels");
  return pixels.empty() ? item.cell("sha256_stored_values") : pixels;
}

std::vector<DicomCase> cases_with_hashes() {
  std::vector<DicomCase> all;
  for (const char* set : {"wg04", "cxr", "real", "ignore"}) {
    for (DicomCase& item : test::dicom_cases(set)) {
      if (!expected_hash(item).empty()) all.push_back(std::move(item));
    }
  }
  return all;
}

bool is_lossy(const DicomCase& item) { return decode_frame(DicomFile::open(item.file)).plan.lossy; }

TEST(DicomPixels, StoredValuesHashToTheManifest) {
  if (!test::have_data()) GTEST_SKIP() << "no test data: set CHEXWORLD_DATA_DIR";
  const std::vector<DicomCase> cases = cases_with_hashes();
  std::size_t exact = 0, lossy = 0, lossy_exact = 0;
  for (const DicomCase& item : cases) {
    SCOPED_TRACE(item.set + "/" + item.row.at("file"));
    const DecodedFrame decoded = decode_frame(DicomFile::open(item.file));
    const bool same = hash_of(decoded.pixels, item.cell("bits_allocated") == "8") == expected_hash(item);
    EXPECT_THAT(decoded.doubts, testing::Each(testing::HasSubstr("no preamble")));
    if (decoded.plan.lossy) {
      ++lossy;
      lossy_exact += same;
      if (!same)
        std::printf("lossy, other values: %s (%s)\n", item.row.at("file").c_str(), decoded.plan.decoder.c_str());
    } else {
      EXPECT_TRUE(same) << decoded.plan.path();
      exact += same;
    }
  }
  test::report_coverage("lossless objects with hashes", exact, cases.size() - lossy);
  test::report_coverage("lossy objects bit-exact with the manifest's decoder", lossy_exact, lossy);
  EXPECT_GT(exact, 0u);
}

double mean_difference(const StoredPixels& a, const StoredPixels& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.samples.size(); ++i) sum += std::abs(int(a.samples[i]) - int(b.samples[i]));
  return sum / double(a.samples.size());
}

int largest_difference(const StoredPixels& a, const StoredPixels& b) {
  int largest = 0;
  for (std::size_t i = 0; i < a.samples.size(); ++i) {
    largest = std::max(largest, std::abs(int(a.samples[i]) - int(b.samples[i])));
  }
  return largest;
}

/// The uncompressed object that a compressed one was made from.
const DicomCase* original_of(const DicomCase& item, const std::vector<DicomCase>& all) {
  for (const DicomCase& other : all) {
    if (other.cell("object") == item.cell("object") && other.cell("bits_allocated") == item.cell("bits_allocated") &&
        other.cell("transfer_syntax") == "1.2.840.10008.1.2.1") {
      return &other;
    }
  }
  return nullptr;
}

TEST(DicomPixels, LossyOnesStayAsNearToTheOriginalAsTheManifestSays) {
  if (!test::have_data()) GTEST_SKIP() << "no test data: set CHEXWORLD_DATA_DIR";
  const std::vector<DicomCase> cases = test::dicom_cases("wg04");
  std::size_t compared = 0, lossy = 0;
  for (const DicomCase& item : cases) {
    if (!is_lossy(item)) continue;
    ++lossy;
    const DicomCase* original = original_of(item, cases);
    if (original == nullptr || item.cell("max_abs_err_vs_uncompressed").empty()) continue;
    SCOPED_TRACE(item.row.at("file"));
    const StoredPixels ours = decode_frame(DicomFile::open(item.file)).pixels;
    const StoredPixels uncompressed = decode_frame(DicomFile::open(original->file)).pixels;
    ASSERT_EQ(ours.samples.size(), uncompressed.samples.size());
    EXPECT_LE(largest_difference(ours, uncompressed), std::stod(item.row.at("max_abs_err_vs_uncompressed")));
    EXPECT_LE(mean_difference(ours, uncompressed), std::stod(item.row.at("mean_abs_err_vs_uncompressed")) + 1e-3);
    ++compared;
  }
  test::report_coverage("lossy objects against their originals", compared, lossy);
}

}  // namespace
}  // namespace chexworld
