// SPDX-License-Identifier: Apache-2.0
#include "dicom/decode.h"
#include "failing.h"
#include "support/dicom_shell.h"

namespace chexworld {
namespace {

using test::native_file;

constexpr const char* kExplicit = "1.2.840.10008.1.2.1";

test::Bytes film(int frames = 1) {
  return native_file({.rows = 10, .columns = 10, .frames = frames}, kExplicit, test::Bytes(std::size_t(200 * frames)));
}

TEST(Limits, BytesOfTheFile) {
  EXPECT_FAILURE(DicomFile::from_bytes(film(), {.max_bytes = 100}), ErrorCode::kTooLarge, "the limit is 100");
}

TEST(Limits, Pixels) {
  EXPECT_EQ(plan_decode(DicomFile::from_bytes(film(), {.max_pixels = 100})).rows, 10);
  EXPECT_FAILURE(plan_decode(DicomFile::from_bytes(film(), {.max_pixels = 99})), ErrorCode::kTooLarge, "limit of 99");
}

TEST(Limits, Frames) {
  EXPECT_EQ(plan_decode(DicomFile::from_bytes(film(3), {.max_frames = 3})).rows, 10);
  EXPECT_FAILURE(plan_decode(DicomFile::from_bytes(film(3), {.max_frames = 2})), ErrorCode::kTooLarge,
                 "the limit is 2");
}

TEST(Limits, Time) {
  const DicomFile file = DicomFile::from_bytes(film());
  EXPECT_FAILURE(decode_frame(DicomFile::from_bytes(film(), {.max_time = std::chrono::milliseconds(-1)})),
                 ErrorCode::kTimeout, "time limit");
}

}  // namespace
}  // namespace chexworld
