// SPDX-License-Identifier: Apache-2.0
#include "dicom/palette.h"

#include "base/failure.h"

#include <algorithm>

namespace chexworld {
namespace {

/// One colour's table in 8 bits: the entries for stored values first_mapped, first_mapped + 1, ...
struct ColourTable {
  int first_mapped = 0;
  std::vector<std::uint8_t> entries;

  std::uint8_t at(int stored) const {
    return entries[std::size_t(std::clamp(stored - first_mapped, 0, int(entries.size()) - 1))];
  }
};

/// Entries lie in words, or two in each word where they have 8 bits.
std::vector<std::uint8_t> entries_of(const std::vector<std::uint16_t>& words, std::size_t count, int bits) {
  std::vector<std::uint8_t> entries(count);
  const bool packed = bits == 8 && words.size() < count;
  for (std::size_t i = 0; i < count; ++i) {
    const unsigned word = packed ? words[i / 2] >> (i % 2 * 8) : words[i];
    entries[i] = std::uint8_t(bits == 16 ? word >> 8 : word);
  }
  return entries;
}

ColourTable read_table(const DicomDataset& dataset, DicomTag descriptor_tag, DicomTag data_tag) {
  const std::vector<std::uint16_t> descriptor = dataset.words(descriptor_tag);
  if (descriptor.size() != 3)
    fail(ErrorCode::kMalformed, "palette descriptor " + to_string(descriptor_tag) + " needs 3 values");
  const std::size_t count = descriptor[0] == 0 ? 65536 : descriptor[0];
  const int bits = descriptor[2];
  if (bits != 8 && bits != 16) {
    fail(ErrorCode::kMalformed, "palette descriptor " + to_string(descriptor_tag) + " says " + std::to_string(bits) +
                                    " bits, allowed are 8 and 16");
  }
  if (!dataset.has_value(data_tag)) {
    fail(ErrorCode::kUnsupported, "no palette data " + to_string(data_tag) + "; segmented palettes are not handled");
  }
  const std::vector<std::uint16_t> words = dataset.words(data_tag);
  if (words.size() < (bits == 8 ? (count + 1) / 2 : count)) {
    fail(ErrorCode::kMalformed, "palette data " + to_string(data_tag) + " are shorter than their descriptor says");
  }
  return {descriptor[1], entries_of(words, count, bits)};
}

}  // namespace

std::vector<std::uint8_t> palette_luma(const DicomDataset& dataset) {
  const ColourTable red = read_table(dataset, tags::kRedPaletteDescriptor, tags::kRedPaletteData);
  const ColourTable green = read_table(dataset, tags::kGreenPaletteDescriptor, tags::kGreenPaletteData);
  const ColourTable blue = read_table(dataset, tags::kBluePaletteDescriptor, tags::kBluePaletteData);
  std::vector<std::uint8_t> luma(65536);
  for (int stored = 0; stored < int(luma.size()); ++stored) {
    const int weighted = 299 * red.at(stored) + 587 * green.at(stored) + 114 * blue.at(stored);
    luma[std::size_t(stored)] = std::uint8_t((weighted + 500) / 1000);
  }
  return luma;
}

}  // namespace chexworld
