// SPDX-License-Identifier: Apache-2.0
//
// The first look at foreign bytes: walks the DICOM structure (PS3.5 section 7, PS3.10 section 7) without
// allocating what it declares and without recursion deeper than the limit, so that DCMTK only ever parses
// what has been found sound.
#pragma once

#include "dicom/limits.h"
#include "dicom/tags.h"

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace chexworld {

/// How the elements of a data set are written.
enum class ElementEncoding { kImplicitLittle, kExplicitLittle, kExplicitBig };

/// What stands before the data set (PS3.10 section 7.1). Plain value.
struct FileMeta {
  bool present = false;                   ///< false: very old files begin with the data set itself
  std::map<DicomTag, std::string> texts;  ///< group 0002, without padding
  std::size_t dataset_offset = 0;
  std::vector<std::string> doubts;  ///< what is wrong but harmless

  std::string transfer_syntax_uid() const;
};

/// Throws Failure(kMalformed): not DICOM, cut off, lengths that leave the file. Offsets in messages count
/// from the start of `file`.
FileMeta read_file_meta(std::span<const std::byte> file);

/// How a data set without meta information is written, judged by its first element.
std::optional<ElementEncoding> guess_encoding(std::span<const std::byte> dataset);

/// Half-open range of bytes within the data set.
struct ByteRange {
  std::size_t offset = 0;
  std::size_t length = 0;
};

/// Where Pixel Data (7FE0,0010) of the data set itself lies; never one inside a sequence.
struct PixelDataLocation {
  bool encapsulated = false;
  bool words = false;                ///< native with VR OW: swapped by words in big endian
  ByteRange value;                   ///< native: the pixels
  ByteRange offset_table;            ///< encapsulated: Basic Offset Table, may be empty
  std::vector<ByteRange> fragments;  ///< encapsulated: without the offset table
};

struct DatasetStructure {
  std::vector<ByteRange> header;  ///< the elements without Pixel Data and oversized values, in order
  std::optional<PixelDataLocation> pixel_data;
  std::uint64_t elements = 0;
  std::uint32_t deepest = 0;
  std::vector<DicomTag> left_out;  ///< oversized, see DecodeLimits::max_element_bytes
};

/// Walks a whole data set. `base` is added to offsets in messages.
/// Throws Failure: kMalformed (naming tag and offset), kTooLarge (nesting, elements), kTimeout.
DatasetStructure check_structure(std::span<const std::byte> dataset, ElementEncoding encoding,
                                 const DecodeLimits& limits, const Deadline& deadline, std::size_t base = 0);

}  // namespace chexworld
