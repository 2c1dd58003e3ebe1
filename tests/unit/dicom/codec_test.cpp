// SPDX-License-Identifier: Apache-2.0
//
// Every compressed transfer syntax, encoded here and decoded: lossless ones bit for bit, reduced ones near the means.
#include "dicom/decode.h"

#include "failing.h"
#include "support/encoders.h"
#include "support/process.h"
#include "support/temporary_folder.h"

#include "base/file.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>

namespace chexworld {
namespace {

using test::Bytes;
using test::encapsulated_file;
using test::native_file;
using test::Picture;
using test::synthetic_film;

constexpr const char* kExplicit = "1.2.840.10008.1.2.1";
constexpr const char* kRle = "1.2.840.10008.1.2.5";
constexpr const char* kJpeg = "1.2.840.10008.1.2.4.50";
constexpr const char* kJpegExtended = "1.2.840.10008.1.2.4.51";
constexpr const char* kJpegLossless = "1.2.840.10008.1.2.4.57";
constexpr const char* kJpegLosslessSv1 = "1.2.840.10008.1.2.4.70";
constexpr const char* kJpegLs = "1.2.840.10008.1.2.4.80";
constexpr const char* kJpegLsNear = "1.2.840.10008.1.2.4.81";
constexpr const char* kJpeg2000Lossless = "1.2.840.10008.1.2.4.90";
constexpr const char* kJpeg2000 = "1.2.840.10008.1.2.4.91";
constexpr const char* kHtj2kLossless = "1.2.840.10008.1.2.4.201";
constexpr const char* kHtj2k = "1.2.840.10008.1.2.4.203";

Bytes wrapped(const Picture& picture, const char* syntax, const Bytes& stream) {
  return encapsulated_file(shell_for(picture), syntax, {stream});
}

DecodedFrame decode(const Bytes& file, int short_side = 0) {
  return decode_frame(DicomFile::from_view(file), {.short_side = short_side});
}

double mean_difference(const StoredPixels& a, const std::vector<std::uint16_t>& b) {
  EXPECT_EQ(a.samples.size(), b.size());
  double sum = 0;
  for (std::size_t i = 0; i < b.size(); ++i) sum += std::abs(int(a.samples[i]) - int(b[i]));
  return sum / double(b.size());
}

int largest_difference(const StoredPixels& a, const std::vector<std::uint16_t>& b) {
  int largest = 0;
  for (std::size_t i = 0; i < b.size(); ++i) largest = std::max(largest, std::abs(int(a.samples[i]) - int(b[i])));
  return largest;
}

void expect_exact(const Bytes& file, const Picture& picture) {
  const DecodedFrame frame = decode(file);
  EXPECT_EQ(frame.pixels.rows, picture.rows);
  EXPECT_EQ(frame.pixels.columns, picture.columns);
  EXPECT_EQ(frame.pixels.samples, picture.samples) << frame.plan.path();
  EXPECT_THAT(frame.doubts, testing::IsEmpty());
  EXPECT_FALSE(frame.plan.lossy);
}

TEST(Codecs, LosslessOnesAreExactAtEveryDepth) {
  for (const int bits : {8, 10, 12, 16}) {
    SCOPED_TRACE(bits);
    const Picture film = synthetic_film(61, 83, bits);
    expect_exact(encode_with_dcmtk(film, kRle), film);
    expect_exact(encode_with_dcmtk(film, kJpegLossless), film);
    expect_exact(encode_with_dcmtk(film, kJpegLosslessSv1), film);
    expect_exact(wrapped(film, kJpegLs, encode_jpeg_ls(film, 0)), film);
    expect_exact(wrapped(film, kJpeg2000Lossless, encode_jpeg2000(film, 0)), film);
  }
}

TEST(Codecs, OddSizesAndSinglePixels) {
  for (const auto& [rows, columns] : {std::pair{1, 1}, {1, 17}, {19, 1}, {3, 2}}) {
    const Picture film = synthetic_film(rows, columns, 12);
    expect_exact(encode_with_dcmtk(film, kRle), film);
    expect_exact(wrapped(film, kJpegLs, encode_jpeg_ls(film, 0)), film);
    expect_exact(wrapped(film, kJpeg2000Lossless, encode_jpeg2000(film, 0, 0)), film);
  }
}

/// Mean distance of `b` from the straight line through (a, b): DCMTK's lossy encoder stretches the values.
double mean_difference_after_stretching(const StoredPixels& a, const std::vector<std::uint16_t>& b) {
  EXPECT_EQ(a.samples.size(), b.size());
  const double n = double(b.size());
  double sa = 0, sb = 0, saa = 0, sab = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    sa += a.samples[i];
    sb += b[i];
    saa += double(a.samples[i]) * a.samples[i];
    sab += double(a.samples[i]) * b[i];
  }
  const double slope = (n * sab - sa * sb) / (n * saa - sa * sa), offset = (sb - slope * sa) / n;
  double sum = 0;
  for (std::size_t i = 0; i < b.size(); ++i) sum += std::abs(offset + slope * a.samples[i] - b[i]);
  return sum / n;
}

TEST(Codecs, LossyOnesStayNear) {
  const Picture film = synthetic_film(120, 100, 8), deep = synthetic_film(120, 100, 12);
  const DecodedFrame jpeg = decode(wrapped(film, kJpeg, encode_jpeg(film, 90)));
  EXPECT_EQ(jpeg.plan.decoder, "libjpeg-turbo");
  EXPECT_TRUE(jpeg.plan.lossy);
  EXPECT_LT(mean_difference(jpeg.pixels, film.samples), 1.5);
  const DecodedFrame extended = decode(encode_with_dcmtk(deep, kJpegExtended));
  EXPECT_EQ(extended.plan.decoder, "DCMTK");
  EXPECT_LT(mean_difference_after_stretching(extended.pixels, deep.samples), 12.0);
  EXPECT_LE(largest_difference(decode(wrapped(deep, kJpegLsNear, encode_jpeg_ls(deep, 3))).pixels, deep.samples), 3);
  EXPECT_LT(mean_difference(decode(wrapped(deep, kJpeg2000, encode_jpeg2000(deep, 4))).pixels, deep.samples), 12.0);
}

/// OpenJPH's encoder as an outside witness.
Bytes encode_htj2k(const Picture& film, const std::string& reversible) {
  const test::TemporaryFolder folder;
  std::string pgm = "P5\n" + std::to_string(film.columns) + " " + std::to_string(film.rows) + "\n" +
                    std::to_string((1 << film.bits) - 1) + "\n";
  for (const std::uint16_t value : film.samples) {
    pgm.push_back(char(value >> 8));
    pgm.push_back(char(value & 0xff));
  }
  write_file_atomically(folder / "film.pgm", pgm);
  std::vector<std::string> command{
      "ojph_compress", "-i",      (folder / "film.pgm").string(), "-o", (folder / "film.j2c").string(),
      "-reversible",   reversible};
  if (reversible == "false") command.insert(command.end(), {"-qstep", "0.0005"});
  const test::Finished finished = test::run(command);
  EXPECT_EQ(finished.exit_status, 0) << finished.output;
  return read_file(folder / "film.j2c");
}

TEST(Codecs, HighThroughputJpeg2000) {
  const Picture film = synthetic_film(200, 168, 12);
  const Bytes lossless = encode_htj2k(film, "true");
  expect_exact(wrapped(film, kHtj2kLossless, lossless), film);
  EXPECT_LT(mean_difference(decode(wrapped(film, kHtj2k, encode_htj2k(film, "false"))).pixels, film.samples), 8.0);
  const DecodedFrame reduced = decode(wrapped(film, kHtj2kLossless, lossless), 50);
  EXPECT_EQ(reduced.plan.path(), "OpenJPEG at 1/2 (wavelet levels)");
}

/// The film's area means.
std::vector<std::uint16_t> means_of(const Picture& film, int factor) {
  const Bytes file = native_file(shell_for(film), kExplicit, native_samples(film));
  return decode(file, std::min(film.rows, film.columns) / factor).pixels.samples;
}

TEST(Codecs, ReducedOnesShowTheMeans) {
  const Picture film = synthetic_film(400, 332, 8);
  const std::vector<std::uint16_t> means = means_of(film, 4);
  const struct {
    Bytes file;
    const char* path;
    double tolerance;
  } cases[] = {
      {encode_with_dcmtk(film, kRle), "DCMTK at 1/4 (area mean)", 0},
      {encode_with_dcmtk(film, kJpegLosslessSv1), "DCMTK at 1/4 (area mean)", 0},
      {wrapped(film, kJpegLs, encode_jpeg_ls(film, 0)), "CharLS at 1/4 (area mean)", 0},
      {wrapped(film, kJpeg, encode_jpeg(film, 95)), "libjpeg-turbo at 1/4 (scaled DCT)", 1.0},
      {wrapped(film, kJpeg2000Lossless, encode_jpeg2000(film, 0)), "OpenJPEG at 1/4 (wavelet levels)", 1.0},
  };
  for (const auto& item : cases) {
    SCOPED_TRACE(item.path);
    const DecodedFrame frame = decode(item.file, 83);
    EXPECT_EQ(frame.plan.path(), item.path);
    EXPECT_EQ(frame.plan.reduction, 4);
    EXPECT_EQ(frame.pixels.rows, 100);
    EXPECT_EQ(frame.pixels.columns, 83);
    EXPECT_LE(mean_difference(frame.pixels, means), item.tolerance);
  }
}

TEST(Codecs, ReducedOnesCoverTheSameFieldOfView) {
  // A bright disc's centre of mass must stay where it is, also where the size is no multiple of the reduction.
  Picture film{.rows = 403, .columns = 335, .bits = 8, .samples = {}};
  for (int i = 0; i < film.rows * film.columns; ++i) {
    const double y = i / film.columns + 0.5 - 0.6 * film.rows, x = i % film.columns + 0.5 - 0.7 * film.columns;
    film.samples.push_back(y * y + x * x < 1600 ? 200 : 0);
  }
  for (const Bytes& file :
       {wrapped(film, kJpegLs, encode_jpeg_ls(film, 0)), wrapped(film, kJpeg, encode_jpeg(film, 95)),
        wrapped(film, kJpeg2000Lossless, encode_jpeg2000(film, 0)),
        wrapped(film, kJpeg2000, encode_jpeg2000(film, 10))}) {
    const DecodedFrame frame = decode(file, 41);
    EXPECT_EQ(frame.plan.reduction, 8);
    double sum = 0, down = 0, across = 0;
    for (int i = 0; i < frame.pixels.rows * frame.pixels.columns; ++i) {
      const double value = frame.pixels.samples[std::size_t(i)];
      sum += value;
      down += value * (i / frame.pixels.columns + 0.5) / frame.pixels.rows;
      across += value * (i % frame.pixels.columns + 0.5) / frame.pixels.columns;
    }
    EXPECT_NEAR(down / sum, 0.6, 0.002) << frame.plan.path();
    EXPECT_NEAR(across / sum, 0.7, 0.002) << frame.plan.path();
  }
}

TEST(Codecs, ReductionsMultiply) {
  const Picture film = synthetic_film(640, 640, 8);
  const DecodedFrame jpeg = decode(wrapped(film, kJpeg, encode_jpeg(film, 95)), 20);  // 1/32 asked, 1/8 by DCT
  EXPECT_EQ(jpeg.plan.reduction, 32);
  EXPECT_EQ(jpeg.plan.path(), "libjpeg-turbo at 1/32 (scaled DCT, area mean)");
  EXPECT_EQ(jpeg.pixels.rows, 20);
  const DecodedFrame j2k = decode(wrapped(film, kJpeg2000Lossless, encode_jpeg2000(film, 0, 1)), 100);  // one level
  EXPECT_EQ(j2k.plan.reduction, 6);
  EXPECT_EQ(j2k.plan.path(), "OpenJPEG at 1/6 (wavelet levels, area mean)");
}

TEST(Codecs, ColourStreamsBecomeLuma) {
  const Picture film = synthetic_film(64, 48, 8, 3);
  const std::vector<std::uint16_t> luma =
      decode(native_file(shell_for(film), kExplicit, native_samples(film))).pixels.samples;
  EXPECT_EQ(decode(encode_with_dcmtk(film, kRle)).pixels.samples, luma);
  EXPECT_EQ(decode(wrapped(film, kJpegLs, encode_jpeg_ls(film, 0))).pixels.samples, luma);
  EXPECT_EQ(decode(wrapped(film, kJpeg2000Lossless, encode_jpeg2000(film, 0))).pixels.samples, luma);
  test::ShellImage shell = shell_for(film);
  shell.photometric = "YBR_FULL_422";
  const Bytes jpeg = encapsulated_file(shell, kJpeg, {encode_jpeg(film, 95)});
  EXPECT_LT(mean_difference(decode(jpeg).pixels, luma), 1.5);
}

TEST(Codecs, StreamsOfAnotherKindAreRefused) {
  const Picture film = synthetic_film(16, 16, 8);
  EXPECT_FAILURE(decode(wrapped(film, kJpeg, encode_jpeg_ls(film, 0))), ErrorCode::kMalformed, "JPEG-LS");
  EXPECT_FAILURE(decode(wrapped(film, kJpegLs, encode_jpeg(film, 80))), ErrorCode::kMalformed, "another kind of JPEG");
  EXPECT_FAILURE(decode(wrapped(film, kJpeg2000, encode_jpeg(film, 80))), ErrorCode::kMalformed, "JPEG 2000");
  EXPECT_FAILURE(decode(wrapped(film, "1.2.840.10008.1.2.4.110", Bytes(8))), ErrorCode::kUnsupported, "JPEG XL");
  EXPECT_FAILURE(decode(native_file(shell_for(film), kJpeg, Bytes(256))), ErrorCode::kMalformed, "not compressed");
  EXPECT_FAILURE(decode(wrapped(film, kExplicit, Bytes(8))), ErrorCode::kMalformed, "is compressed");
}

/// Bytes in the middle of a stream replaced by others.
Bytes noisy(Bytes stream, std::size_t every) {
  for (std::size_t i = stream.size() / 3; i + 16 < stream.size(); i += every) stream[i] ^= std::byte{0x5b};
  return stream;
}

TEST(Codecs, DamageIsAnErrorOrADoubt) {
  const Picture film = synthetic_film(200, 200, 8);
  const struct {
    const char* syntax;
    Bytes stream;
  } cases[] = {{kJpeg, encode_jpeg(film, 90)},
               {kJpegLs, encode_jpeg_ls(film, 0)},
               {kJpeg2000Lossless, encode_jpeg2000(film, 0)},
               {kJpeg2000, encode_jpeg2000(film, 5)}};
  for (const auto& item : cases) {
    SCOPED_TRACE(item.syntax);
    EXPECT_THAT(decode(wrapped(film, item.syntax, item.stream)).doubts, testing::IsEmpty());
    const Bytes cut(item.stream.begin(), item.stream.begin() + std::ptrdiff_t(item.stream.size() / 2));
    for (const Bytes& damaged : {cut, noisy(item.stream, 60)}) {
      const auto result = capture([&] { return decode(wrapped(film, item.syntax, damaged)).doubts; });
      EXPECT_TRUE(!result.ok() || !result->empty());
    }
  }
}

/// The first fragment that begins as a JPEG stream does.
Bytes stream_in(const Bytes& file) {
  const Bytes mark{std::byte{0xff}, std::byte{0xd8}, std::byte{0xff}};
  const auto start = std::search(file.begin() + 8, file.end(), mark.begin(), mark.end());
  std::size_t length = 0;
  for (int i = 1; i <= 4; ++i) length = length << 8 | std::size_t(*(start - i));
  return Bytes(start, start + std::ptrdiff_t(length));
}

TEST(Codecs, JpegHeadersWithFillBytesAndLoneMarkersEnd) {  // DCMTK 3.6.9 looked for the frame header for ever
  const Picture film = synthetic_film(48, 64, 12);
  for (const char* syntax : {kJpegExtended, kJpegLossless}) {
    const Bytes plain = stream_in(encode_with_dcmtk(film, syntax));
    const StoredPixels expected = decode(wrapped(film, syntax, plain)).pixels;
    for (const std::vector<int>& inserted : {std::vector<int>{0xff, 0x01},
                                             {0xff, 0xff, 0xff},
                                             {0xff, 0xd0, 0xff, 0x01},
                                             {0xff, 0x02, 0, 2},
                                             {0xff, 0xfe, 0, 4, 'h', 'i'}}) {
      Bytes stream = plain;
      for (std::size_t i = 0; i < inserted.size(); ++i)
        stream.insert(stream.begin() + 2 + std::ptrdiff_t(i), std::byte(inserted[i]));
      EXPECT_EQ(decode(wrapped(film, syntax, stream)).pixels.samples, expected.samples) << inserted[1];
    }
  }
}

TEST(Codecs, JpegLsThatRunsOutInsideACodeEndsAtOnce) {  // CharLS 2.4.2 counted to 2^31 there
  const Picture film = synthetic_film(48, 64, 12);
  const Bytes whole = encode_jpeg_ls(film, 0);
  const auto start = std::chrono::steady_clock::now();
  Bytes stream(whole.begin(), whole.begin() + 25);  // its headers
  for (int zeros = 0; zeros < 12; ++zeros, stream.push_back(std::byte{0})) {
    EXPECT_FALSE(capture([&] { return decode(wrapped(film, kJpegLs, stream)).doubts; }).ok());
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

}  // namespace
}  // namespace chexworld
