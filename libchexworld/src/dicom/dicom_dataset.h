// SPDX-License-Identifier: Apache-2.0
//
// Typed reading of a parsed data set or sequence item, without DCMTK's types.
#pragma once

#include "dicom/tags.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

class DcmItem;

namespace chexworld {

/// A view of one data set or sequence item; valid as long as the DicomFile it came from. Reading through one
/// DicomFile is not thread safe (DCMTK seeks in its lists); distinct files are independent.
///
/// Values that cannot be what the tag promises throw Failure(kMalformed) naming the tag, never its value.
class DicomDataset {
 public:
  explicit DicomDataset(DcmItem& item) : item_(&item) {}

  /// Whether the element is there, even without a value.
  bool contains(DicomTag tag) const;
  /// Whether the element is there with a value.
  bool has_value(DicomTag tag) const;

  /// First value as text without leading and trailing spaces, bytes in the file's character set; nothing where
  /// absent or empty. Works for every textual and numeric VR.
  std::optional<std::string> text(DicomTag tag) const;
  /// All values as text; empty where absent.
  std::vector<std::string> texts(DicomTag tag) const;

  /// First value of US, SS, UL, SL, IS, DS and the like; throws where it is no whole number.
  std::optional<std::int64_t> integer(DicomTag tag) const;
  /// All values of DS, IS, FL, FD, US, SS ...; throws for text that is no finite number.
  std::vector<double> numbers(DicomTag tag) const;

  /// The 16-bit words of US, SS, OW or OB (two bytes each, little endian), as they lie there; empty where absent.
  std::vector<std::uint16_t> words(DicomTag tag) const;
  /// The bytes of OB, UN or OW (little endian); empty where absent.
  std::vector<std::uint8_t> bytes(DicomTag tag) const;

  /// The items of a sequence; empty where absent.
  std::vector<DicomDataset> items(DicomTag tag) const;

  /// For this room's own sources that copy elements.
  DcmItem& dcmtk_item() const { return *item_; }

 private:
  DcmItem* item_;
};

}  // namespace chexworld
