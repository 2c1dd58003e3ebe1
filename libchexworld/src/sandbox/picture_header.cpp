// SPDX-License-Identifier: Apache-2.0
#include "sandbox/picture_header.h"

#include "base/failure.h"
#include "dicom/stream_header.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace chexworld {
namespace {

constexpr std::string_view kPngSignature = "\x89PNG\r\n\x1a\n";
constexpr std::string_view kJpegStart = "\xff\xd8\xff";
constexpr std::size_t kDicomPrefixAt = 128;  // PS3.10 section 7.1

bool has_at(std::span<const std::byte> bytes, std::size_t offset, std::string_view text) {
  if (bytes.size() < offset + text.size()) return false;
  return std::equal(text.begin(), text.end(), bytes.begin() + std::ptrdiff_t(offset),
                    [](char c, std::byte b) { return std::byte(c) == b; });
}

std::int64_t big_endian(std::span<const std::byte> bytes, std::size_t offset) {
  std::int64_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | std::int64_t(bytes[offset + i]);
  return value;
}

}  // namespace

std::optional<PictureHeader> read_picture_header(std::span<const std::byte> bytes) {
  if (has_at(bytes, kDicomPrefixAt, "DICM")) return std::nullopt;
  if (has_at(bytes, 0, kPngSignature)) {
    if (!has_at(bytes, 12, "IHDR") || bytes.size() < 24) fail(ErrorCode::kMalformed, "PNG: no IHDR chunk");
    return PictureHeader{big_endian(bytes, 16), big_endian(bytes, 20)};
  }
  if (has_at(bytes, 0, kJpegStart)) {
    const StreamHeader header = read_jpeg_header(bytes);
    return PictureHeader{header.width, header.height};
  }
  return std::nullopt;
}

void require_within(const PictureHeader& header, const DecodeLimits& limits) {
  const std::uint64_t pixels = std::uint64_t(header.width) * std::uint64_t(header.height);
  if (pixels > limits.max_pixels)
    fail(ErrorCode::kTooLarge, "the picture has " + std::to_string(header.width) + " x " +
                                   std::to_string(header.height) + " pixels, the limit is " +
                                   std::to_string(limits.max_pixels));
}

}  // namespace chexworld
