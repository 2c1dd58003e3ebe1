// SPDX-License-Identifier: Apache-2.0
//
// DICOM objects made for tests, fuzzers and benchmarks: written here byte by byte, so that they can also be wrong.
#pragma once

#include "dicom/structure_check.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace chexworld::test {

using Bytes = std::vector<std::byte>;

/// Writes elements of one encoding one after the other.
class ElementWriter {
 public:
  explicit ElementWriter(ElementEncoding encoding) : encoding_(encoding) {}

  void u16(std::uint16_t value);
  void u32(std::uint32_t value);
  void raw(std::span<const std::byte> bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  void raw(std::string_view text) { raw(std::as_bytes(std::span(text))); }

  /// Tag, VR (where written) and length; `length` may be a lie.
  void header(DicomTag tag, std::string_view vr, std::uint32_t length);
  void number(DicomTag tag, std::uint16_t value);  ///< VR US
  void text(DicomTag tag, std::string_view vr, std::string value);
  void value(DicomTag tag, std::string_view vr, std::span<const std::byte> bytes);
  /// Item and delimiter tags, which have no VR.
  void item(DicomTag tag, std::uint32_t length);

  const Bytes& bytes() const { return bytes_; }

 private:
  ElementEncoding encoding_;
  Bytes bytes_;
};

inline constexpr std::uint32_t kUndefined = 0xffffffff;

/// The Image Pixel Module of a made object.
struct ShellImage {
  int rows = 1;
  int columns = 1;
  int samples = 1;
  int bits_allocated = 16;
  int bits_stored = 12;
  int high_bit = 11;
  bool is_signed = false;
  bool planar = false;
  int frames = 1;
  std::string photometric = "MONOCHROME2";
  int window_width = 0;  ///< not 0: Window Center (half of it) and Width are there
};

/// Preamble, meta information and a data set.
Bytes dicom_file(std::string_view transfer_syntax_uid, std::span<const std::byte> dataset);

/// A CR-like data set up to and without Pixel Data.
ElementWriter image_dataset(const ShellImage& image, ElementEncoding encoding);

/// Uncompressed; `pixels` as they shall lie in the file.
Bytes native_file(const ShellImage& image, std::string_view transfer_syntax_uid, std::span<const std::byte> pixels);

/// Compressed: an offset table and fragments, each as given, also of odd length.
Bytes encapsulated_file(const ShellImage& image, std::string_view transfer_syntax_uid,
                        const std::vector<Bytes>& fragments, const std::vector<std::uint32_t>& offset_table = {});

}  // namespace chexworld::test
