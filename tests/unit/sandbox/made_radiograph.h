// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/dicom_shell.h"

#include <string>
#include <utility>
#include <vector>

namespace chexworld::test {

struct MadeUids {
  std::string sop_instance = "1.2.3.4";
  std::string study = "1.2.3";
  std::string series = "1.2.3.9";
};

/// A chest radiograph with a ramp from left to right, the steeper the larger `slope`; `patient` comes in
/// order of tags, with VR LO unless the tag below says otherwise.
inline Bytes made_radiograph(const std::string& modality = "CR",
                             const std::vector<std::pair<DicomTag, std::string>>& patient = {},
                             const MadeUids& uids = {}, int slope = 1, int rows = 300, int columns = 400) {
  ElementWriter writer(ElementEncoding::kExplicitLittle);
  writer.text({0x0008, 0x0016}, "UI", "1.2.840.10008.5.1.4.1.1.1");
  writer.text({0x0008, 0x0018}, "UI", uids.sop_instance);
  writer.text({0x0008, 0x0020}, "DA", "20200301");
  writer.text({0x0008, 0x0060}, "CS", modality);
  writer.text({0x0008, 0x0070}, "LO", "Maker");
  writer.text({0x0008, 0x0080}, "LO", "Hospital \xe9");
  writer.text({0x0008, 0x1090}, "LO", "Model 1");
  for (const auto& [tag, value] : patient) writer.text(tag, tag.element == 0x1010 ? "AS" : "LO", value);
  writer.text({0x0018, 0x0015}, "CS", "CHEST");
  writer.text({0x0018, 0x5101}, "CS", "PA");
  writer.text({0x0020, 0x000d}, "UI", uids.study);
  writer.text({0x0020, 0x000e}, "UI", uids.series);
  writer.number(tags::kSamplesPerPixel, 1);
  writer.text(tags::kPhotometricInterpretation, "CS", "MONOCHROME2");
  writer.number(tags::kRows, std::uint16_t(rows));
  writer.number(tags::kColumns, std::uint16_t(columns));
  writer.number(tags::kBitsAllocated, 16);
  writer.number(tags::kBitsStored, 12);
  writer.number(tags::kHighBit, 11);
  writer.number(tags::kPixelRepresentation, 0);
  ElementWriter pixels(ElementEncoding::kExplicitLittle);
  for (int y = 0; y < rows; ++y)
    for (int x = 0; x < columns; ++x) pixels.u16(std::uint16_t(slope == 1 ? x : (x * slope + y) % 4096));
  writer.value(tags::kPixelData, "OW", pixels.bytes());
  return dicom_file("1.2.840.10008.1.2.1", writer.bytes());
}

inline constexpr DicomTag kPatientId{0x0010, 0x0020}, kPatientBirthDate{0x0010, 0x0030}, kPatientSex{0x0010, 0x0040},
    kPatientAge{0x0010, 0x1010};

}  // namespace chexworld::test
