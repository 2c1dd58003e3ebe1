// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dicom/dicom_file.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace chexworld {

/// Which object this is and what searches may filter by. Nothing in it names a patient: the patient id leaves only as
/// a keyed hash, the birth date only as an age. Plain value; texts are UTF-8 of at most 64 bytes, empty: not known.
struct InstanceTags {
  std::string sop_instance_uid;
  std::string series_instance_uid;
  std::string study_instance_uid;
  std::string patient_key;    ///< 32 hexadecimal digits: HMAC-SHA-256 of issuer and patient id, first half
  std::string view_position;  ///< View Position (0018,5101) where it is a defined term
  std::string sex;            ///< "M", "F", "O"
  std::string institution;
  std::string device;                               ///< manufacturer and model
  std::optional<std::chrono::year_month_day> date;  ///< of acquisition, else of content, series, study
  std::optional<double> age_years;                  ///< 0 to 150, at `date`

  friend bool operator==(const InstanceTags&, const InstanceTags&) = default;
};

/// Never throws for what the object says: a tag that cannot be read counts as absent. Without a `pseudonym_key` there
/// is no patient_key.
InstanceTags read_instance_tags(const DicomFile& file, std::string_view pseudonym_key);

}  // namespace chexworld
