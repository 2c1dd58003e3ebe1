// SPDX-License-Identifier: Apache-2.0
#include "dicom/instance_tags.h"

#include "base/failure.h"
#include "base/sha256.h"
#include "dicom/radiograph_tags.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace chexworld {
namespace {

using std::chrono::year_month_day;

constexpr DicomTag kSopInstanceUid{0x0008, 0x0018};
constexpr DicomTag kStudyDate{0x0008, 0x0020};
constexpr DicomTag kSeriesDate{0x0008, 0x0021};
constexpr DicomTag kAcquisitionDate{0x0008, 0x0022};
constexpr DicomTag kContentDate{0x0008, 0x0023};
constexpr DicomTag kManufacturer{0x0008, 0x0070};
constexpr DicomTag kInstitutionName{0x0008, 0x0080};
constexpr DicomTag kManufacturerModelName{0x0008, 0x1090};
constexpr DicomTag kPatientId{0x0010, 0x0020};
constexpr DicomTag kIssuerOfPatientId{0x0010, 0x0021};
constexpr DicomTag kPatientBirthDate{0x0010, 0x0030};
constexpr DicomTag kPatientSex{0x0010, 0x0040};
constexpr DicomTag kPatientAge{0x0010, 0x1010};
constexpr DicomTag kViewPosition{0x0018, 0x5101};
constexpr DicomTag kStudyInstanceUid{0x0020, 0x000d};
constexpr DicomTag kSeriesInstanceUid{0x0020, 0x000e};

constexpr std::size_t kMostBytes = 64;
constexpr double kOldest = 150;
constexpr double kDaysPerYear = 365.2425;

std::string text(const DicomFile& file, DicomTag tag) {
  try {
    return file.dataset().text(tag).value_or("");
  } catch (const Failure&) {
    return "";
  }
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Malformed ones name their object too, as long as they cannot carry anything but a name.
std::string uid(const DicomFile& file, DicomTag tag) {
  std::string value = text(file, tag);
  const bool fine =
      value.size() <= kMostBytes && std::all_of(value.begin(), value.end(), [](char c) {
        return is_digit(c) || c == '.' || c == '-' || c == '_' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
      });
  return fine ? value : "";
}

/// Bytes that are not printable ASCII become '?': their character set is not worth knowing for a filter.
std::string label(std::string value) {
  if (value.size() > kMostBytes) value.resize(kMostBytes);
  std::replace_if(value.begin(), value.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return value;
}

std::string device(const DicomFile& file) {
  const std::string maker = text(file, kManufacturer), model = text(file, kManufacturerModelName);
  return label(maker + (maker.empty() || model.empty() ? "" : " ") + model);
}

int number(std::string_view digits) {
  int value = -1;
  const bool all_digits = !digits.empty() && std::all_of(digits.begin(), digits.end(), is_digit);
  if (all_digits) std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

/// VR DA: YYYYMMDD, or the older YYYY.MM.DD.
std::optional<year_month_day> date(const DicomFile& file, DicomTag tag) {
  std::string value = text(file, tag);
  std::erase(value, '.');
  if (value.size() != 8) return std::nullopt;
  const int year = number(std::string_view(value).substr(0, 4)), month = number(std::string_view(value).substr(4, 2)),
            day = number(std::string_view(value).substr(6, 2));
  if (year < 1 || month < 1 || day < 1) return std::nullopt;
  const year_month_day found{std::chrono::year(year), std::chrono::month(unsigned(month)),
                             std::chrono::day(unsigned(day))};
  return found.ok() ? std::optional(found) : std::nullopt;
}

std::optional<year_month_day> date_of_picture(const DicomFile& file) {
  for (const DicomTag tag : {kAcquisitionDate, kContentDate, kSeriesDate, kStudyDate})
    if (const auto found = date(file, tag)) return found;
  return std::nullopt;
}

/// VR AS: three digits and D, W, M or Y.
std::optional<double> stated_age(const std::string& value) {
  if (value.size() != 4) return std::nullopt;
  const int count = number(std::string_view(value).substr(0, 3));
  if (count < 0) return std::nullopt;
  switch (value[3]) {
    case 'Y': return count;
    case 'M': return count / 12.0;
    case 'W': return count * 7 / kDaysPerYear;
    case 'D': return count / kDaysPerYear;
    default: return std::nullopt;
  }
}

std::optional<double> age(const DicomFile& file, const std::optional<year_month_day>& on) {
  std::optional<double> years = stated_age(text(file, kPatientAge));
  if (!years && on) {
    const auto birth = date(file, kPatientBirthDate);
    if (birth) years = double((std::chrono::sys_days(*on) - std::chrono::sys_days(*birth)).count()) / kDaysPerYear;
  }
  return years && *years >= 0 && *years <= kOldest ? years : std::nullopt;
}

std::string sex(const DicomFile& file) {
  const std::string value = text(file, kPatientSex);
  return value == "M" || value == "F" || value == "O" ? value : "";
}

std::string patient_key(const DicomFile& file, std::string_view key) {
  const std::string id = text(file, kPatientId);
  if (key.empty() || id.empty()) return "";
  const std::string message = text(file, kIssuerOfPatientId) + '\0' + id;
  return to_hex(hmac_sha256(key, message)).substr(0, 32);
}

}  // namespace

InstanceTags read_instance_tags(const DicomFile& file, std::string_view pseudonym_key) {
  InstanceTags tags;
  tags.sop_instance_uid = uid(file, kSopInstanceUid);
  tags.series_instance_uid = uid(file, kSeriesInstanceUid);
  tags.study_instance_uid = uid(file, kStudyInstanceUid);
  tags.patient_key = patient_key(file, pseudonym_key);
  const std::string view = presentable(text(file, kViewPosition));
  if (view != presentable("?")) tags.view_position = view;
  tags.sex = sex(file);
  tags.institution = label(text(file, kInstitutionName));
  tags.device = device(file);
  tags.date = date_of_picture(file);
  tags.age_years = age(file, tags.date);
  return tags;
}

}  // namespace chexworld
