// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"
#include "image/png.h"
#include "sandbox/decoder.h"
#include "support/temporary_folder.h"
#include "unit/sandbox/made_radiograph.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

namespace chexworld {
namespace {

using test::Bytes;
using test::made_radiograph;

RadiographSource source_of(const Bytes& bytes) { return std::span<const std::byte>(bytes); }

void write(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  write_file_atomically(path, [&](FileWriter& writer) { writer.write(bytes); });
}

TEST(InProcessDecoder, PreparesARadiographForTheEncoder) {
  const auto decoder = make_in_process_decoder();
  const Bytes bytes = made_radiograph();
  const auto radiograph = decoder->decode(source_of(bytes), {});
  ASSERT_TRUE(radiograph.ok()) << radiograph.error().message();
  EXPECT_TRUE(radiograph->gate.accepted());
  EXPECT_EQ(radiograph->tags.sop_instance_uid, "1.2.3.4");
  EXPECT_EQ(radiograph->view.width, 224);
  EXPECT_EQ(radiograph->view.pixels.size(), 224u * 224u);
  EXPECT_EQ(radiograph->pixels.size(), 3u * 224u * 224u);
  EXPECT_GT(radiograph->decode_ms, 0);
  EXPECT_EQ(decoder->counts().decoded, 1u);
}

TEST(InProcessDecoder, TakesBytesFilesAndDescriptorsAlike) {
  const test::TemporaryFolder folder;
  const Bytes bytes = made_radiograph();
  write(folder / "film.dcm", bytes);
  const FileDescriptor file = open_for_reading(folder / "film.dcm");
  lseek(file.get(), 77, SEEK_SET);
  const auto decoder = make_in_process_decoder();
  const auto expected = decoder->decode(source_of(bytes), {}).value().pixels;
  EXPECT_EQ(decoder->decode(folder / "film.dcm", {}).value().pixels, expected);
  EXPECT_EQ(decoder->decode(file.get(), {}).value().pixels, expected);
}

TEST(InProcessDecoder, GivesTheFilmForPeopleToo) {
  const auto decoder = make_in_process_decoder();
  const Bytes bytes = made_radiograph();
  const auto plain = decoder->decode(source_of(bytes), {}).value();
  EXPECT_TRUE(plain.film.pixels.empty());
  const auto radiograph = decoder->decode(source_of(bytes), {}, 100).value();
  EXPECT_EQ(radiograph.pixels, plain.pixels) << "the network sees the same";
  EXPECT_EQ(std::max(radiograph.film.width, radiograph.film.height), 100);
  EXPECT_EQ(radiograph.film.pixels.size(), std::size_t(radiograph.film.width) * std::size_t(radiograph.film.height));
  const ViewWindow& window = radiograph.window;
  EXPECT_GE(window.top, 0);
  EXPECT_LE(window.left + window.width, 1 + 1e-9);
  EXPECT_NEAR(window.height * radiograph.film.height, window.width * radiograph.film.width, 2) << "a square";
  EXPECT_EQ(decoder->decode(source_of(bytes), {}, kLargestFilmSide + 1).error().code(), ErrorCode::kInvalidArgument);
}

TEST(InProcessDecoder, TakesPicturesToo) {
  GrayImage ramp{400, 300, std::vector<std::uint8_t>(120'000)};
  for (std::size_t i = 0; i < ramp.pixels.size(); ++i) ramp.pixels[i] = std::uint8_t(i % 400 * 255 / 399);
  const std::vector<std::byte> png = encode_png(ramp);
  const auto radiograph = make_in_process_decoder()->decode(std::span<const std::byte>(png), {});
  ASSERT_TRUE(radiograph.ok()) << radiograph.error().message();
  EXPECT_EQ(radiograph->pixels.size(), 3u * 224u * 224u);
  EXPECT_EQ(radiograph->attributes.columns, 400);
  EXPECT_EQ(radiograph->tags, InstanceTags());
}

TEST(InProcessDecoder, SkipsWithoutPixelsWhatTheGateSkips) {
  const Bytes bytes = made_radiograph("CT");
  const auto radiograph = make_in_process_decoder()->decode(source_of(bytes), {});
  ASSERT_TRUE(radiograph.ok());
  EXPECT_FALSE(radiograph->gate.accepted());
  EXPECT_TRUE(radiograph->pixels.empty());
  EXPECT_EQ(radiograph->tags.sop_instance_uid, "1.2.3.4");
}

TEST(InProcessDecoder, RefusesWhatIsNoObject) {
  const test::TemporaryFolder folder;
  const auto decoder = make_in_process_decoder();
  const Bytes nothing;
  EXPECT_EQ(decoder->decode(source_of(nothing), {}).error().code(), ErrorCode::kMalformed);
  EXPECT_EQ(decoder->decode(folder / "absent", {}).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(decoder->decode(folder.path(), {}).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(decoder->decode(-1, {}).error().code(), ErrorCode::kInputOutput);
}

TEST(InProcessDecoder, RefusesPicturesOverTheLimit) {
  Bytes png = encode_png({8, 8, std::vector<std::uint8_t>(64)});
  png[16] = std::byte(0x40);  // 2^30 pixels wide
  const auto decoder = make_in_process_decoder();
  EXPECT_EQ(decoder->decode(source_of(png), {}).error().code(), ErrorCode::kTooLarge);
  png.resize(20);
  EXPECT_EQ(decoder->decode(source_of(png), {}).error().code(), ErrorCode::kMalformed);
  DecoderOptions small;
  small.limits.max_bytes = 10;
  const test::TemporaryFolder folder;
  write(folder / "film.dcm", made_radiograph());
  EXPECT_EQ(make_in_process_decoder(small)->decode(folder / "film.dcm", {}).error().code(), ErrorCode::kTooLarge);
}

TEST(DecodeReason, IsStable) {
  EXPECT_EQ(decode_reason({ErrorCode::kInternal, ""}), "decoder-crashed");
  EXPECT_EQ(decode_reason({ErrorCode::kTimeout, ""}), "decoder-timeout");
  EXPECT_EQ(decode_reason({ErrorCode::kResourceExhausted, ""}), "decoder-memory");
  EXPECT_EQ(decode_reason({ErrorCode::kMalformed, ""}), "malformed");
}

}  // namespace
}  // namespace chexworld
