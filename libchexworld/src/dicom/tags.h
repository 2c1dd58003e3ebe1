// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace chexworld {

/// Data element tag (PS3.5 section 7.1).
struct DicomTag {
  std::uint16_t group = 0;
  std::uint16_t element = 0;

  friend constexpr auto operator<=>(const DicomTag&, const DicomTag&) = default;
};

/// "(0028,0010)"
std::string to_string(DicomTag tag);

/// Names as in PS3.6.
namespace tags {
inline constexpr DicomTag kFileMetaInformationGroupLength{0x0002, 0x0000};
inline constexpr DicomTag kMediaStorageSopClassUid{0x0002, 0x0002};
inline constexpr DicomTag kTransferSyntaxUid{0x0002, 0x0010};
inline constexpr DicomTag kSamplesPerPixel{0x0028, 0x0002};
inline constexpr DicomTag kPhotometricInterpretation{0x0028, 0x0004};
inline constexpr DicomTag kPlanarConfiguration{0x0028, 0x0006};
inline constexpr DicomTag kNumberOfFrames{0x0028, 0x0008};
inline constexpr DicomTag kRows{0x0028, 0x0010};
inline constexpr DicomTag kColumns{0x0028, 0x0011};
inline constexpr DicomTag kBitsAllocated{0x0028, 0x0100};
inline constexpr DicomTag kBitsStored{0x0028, 0x0101};
inline constexpr DicomTag kHighBit{0x0028, 0x0102};
inline constexpr DicomTag kPixelRepresentation{0x0028, 0x0103};
inline constexpr DicomTag kRedPaletteDescriptor{0x0028, 0x1101};
inline constexpr DicomTag kGreenPaletteDescriptor{0x0028, 0x1102};
inline constexpr DicomTag kBluePaletteDescriptor{0x0028, 0x1103};
inline constexpr DicomTag kRedPaletteData{0x0028, 0x1201};
inline constexpr DicomTag kGreenPaletteData{0x0028, 0x1202};
inline constexpr DicomTag kBluePaletteData{0x0028, 0x1203};
inline constexpr DicomTag kPixelData{0x7fe0, 0x0010};
inline constexpr DicomTag kItem{0xfffe, 0xe000};
inline constexpr DicomTag kItemDelimitation{0xfffe, 0xe00d};
inline constexpr DicomTag kSequenceDelimitation{0xfffe, 0xe0dd};
}  // namespace tags

}  // namespace chexworld
