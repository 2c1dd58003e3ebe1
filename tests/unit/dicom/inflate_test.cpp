// SPDX-License-Identifier: Apache-2.0
#include "dicom/inflate.h"

#include "dicom/decode.h"
#include "failing.h"
#include "support/dicom_shell.h"

#include <zlib.h>

namespace chexworld {
namespace {

using test::Bytes;

constexpr const char* kDeflated = "1.2.840.10008.1.2.1.99";
const Deadline kNoHurry{std::chrono::hours(1)};

Bytes deflated(const Bytes& plain) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  Bytes out(plain.size() + 1024);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(plain.data()));
  stream.avail_in = uInt(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = uInt(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Bytes deflated_film() {
  test::ElementWriter dataset = test::image_dataset({.rows = 2, .columns = 2}, ElementEncoding::kExplicitLittle);
  dataset.value(tags::kPixelData, "OW", Bytes{std::byte{7}, {}, {}, {}, {}, {}, {}, {}});
  return test::dicom_file(kDeflated, deflated(dataset.bytes()));
}

TEST(Inflate, DecodesAFilm) {
  const DecodedFrame frame = decode_frame(DicomFile::from_bytes(deflated_film()));
  EXPECT_THAT(frame.pixels.samples, testing::ElementsAre(7, 0, 0, 0));
  EXPECT_EQ(frame.plan.decoder, "inflated data set");
}

TEST(Inflate, StopsABombAtTheLimit) {
  const Bytes bomb = deflated(Bytes(50u << 20));
  ASSERT_LT(bomb.size(), 100000u);
  EXPECT_FAILURE(inflate_dataset(bomb, {.max_bytes = 10u << 20}, kNoHurry), ErrorCode::kTooLarge, "10485760");
  EXPECT_EQ(inflate_dataset(bomb, {.max_bytes = 64u << 20}, kNoHurry).size(), 50u << 20);
}

TEST(Inflate, CutOffAndNoiseAreErrors) {
  Bytes stream = deflated(Bytes(5000, std::byte{'x'}));
  const Bytes cut(stream.begin(), stream.begin() + std::ptrdiff_t(stream.size() / 2));
  EXPECT_FAILURE(inflate_dataset(cut, {}, kNoHurry), ErrorCode::kMalformed, "ends before its end mark");
  EXPECT_FAILURE(inflate_dataset(Bytes(100, std::byte{0xff}), {}, kNoHurry), ErrorCode::kMalformed, "damaged");
  EXPECT_FAILURE(inflate_dataset({}, {}, kNoHurry), ErrorCode::kMalformed, "ends before its end mark");
}

}  // namespace
}  // namespace chexworld
