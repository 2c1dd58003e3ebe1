// SPDX-License-Identifier: Apache-2.0
#include "dicom/radiograph_tags.h"

#include "base/failure.h"

#include <algorithm>
#include <limits>

namespace chexworld {
namespace {

constexpr DicomTag kImageType{0x0008, 0x0008};
constexpr DicomTag kSopClassUid{0x0008, 0x0016};
constexpr DicomTag kSopInstanceUid{0x0008, 0x0018};
constexpr DicomTag kModality{0x0008, 0x0060};
constexpr DicomTag kPresentationIntentType{0x0008, 0x0068};
constexpr DicomTag kManufacturer{0x0008, 0x0070};
constexpr DicomTag kCodeValue{0x0008, 0x0100};
constexpr DicomTag kCodeMeaning{0x0008, 0x0104};
constexpr DicomTag kStudyDescription{0x0008, 0x1030};
constexpr DicomTag kSeriesDescription{0x0008, 0x103e};
constexpr DicomTag kManufacturerModelName{0x0008, 0x1090};
constexpr DicomTag kAnatomicRegionSequence{0x0008, 0x2218};
constexpr DicomTag kBodyPartExamined{0x0018, 0x0015};
constexpr DicomTag kProtocolName{0x0018, 0x1030};
constexpr DicomTag kAcquisitionDeviceProcessingDescription{0x0018, 0x1400};
constexpr DicomTag kPatientPosition{0x0018, 0x5100};
constexpr DicomTag kViewPosition{0x0018, 0x5101};
constexpr DicomTag kPatientOrientation{0x0020, 0x0020};
constexpr DicomTag kBurnedInAnnotation{0x0028, 0x0301};
constexpr DicomTag kViewCodeSequence{0x0054, 0x0220};

/// `action`'s value, or `fallback` where the element cannot be read.
template <class Value, class Action>
Value readable(Value fallback, Action&& action) {
  try {
    return action();
  } catch (const Failure&) {
    return fallback;
  }
}

std::string text(const DicomDataset& dataset, DicomTag tag) {
  return readable(std::string(), [&] { return dataset.text(tag).value_or(""); });
}

std::vector<std::string> texts(const DicomDataset& dataset, DicomTag tag) {
  return readable(std::vector<std::string>(), [&] { return dataset.texts(tag); });
}

int integer(const DicomDataset& dataset, DicomTag tag, int fallback) {
  return readable(fallback, [&] {
    const std::int64_t value = dataset.integer(tag).value_or(fallback);
    return value >= 0 && value <= std::numeric_limits<int>::max() ? int(value) : fallback;
  });
}

std::vector<std::string> codes(const DicomDataset& dataset, DicomTag sequence) {
  return readable(std::vector<std::string>(), [&] {
    std::vector<std::string> found;
    for (const DicomDataset& item : dataset.items(sequence)) {
      found.push_back(text(item, kCodeValue));
      found.push_back(text(item, kCodeMeaning));
    }
    return found;
  });
}

}  // namespace

std::string presentable(std::string_view term) {
  const bool fine = term.size() <= 64 && std::all_of(term.begin(), term.end(), [](char c) {
                      return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == ' ';
                    });
  return fine ? std::string(term) : "not-a-defined-term";
}

RadiographTags read_radiograph_tags(const DicomFile& file) {
  const DicomDataset& dataset = file.dataset();
  RadiographTags result;
  result.sop_class_uid = text(dataset, kSopClassUid);
  if (result.sop_class_uid.empty()) {
    const auto& meta = file.meta().texts;
    if (const auto found = meta.find(tags::kMediaStorageSopClassUid); found != meta.end())
      result.sop_class_uid = found->second;
  }
  result.sop_instance_uid = text(dataset, kSopInstanceUid);
  result.modality = text(dataset, kModality);
  result.manufacturer = text(dataset, kManufacturer);
  result.model_name = text(dataset, kManufacturerModelName);
  result.image_type = texts(dataset, kImageType);
  result.presentation_intent = text(dataset, kPresentationIntentType);
  result.body_part = text(dataset, kBodyPartExamined);
  result.region_codes = codes(dataset, kAnatomicRegionSequence);
  result.view_position = text(dataset, kViewPosition);
  result.view_codes = codes(dataset, kViewCodeSequence);
  result.patient_orientation = texts(dataset, kPatientOrientation);
  result.patient_position = text(dataset, kPatientPosition);
  for (const DicomTag tag :
       {kStudyDescription, kSeriesDescription, kProtocolName, kAcquisitionDeviceProcessingDescription})
    result.descriptions.push_back(text(dataset, tag));
  result.burned_in_annotation = text(dataset, kBurnedInAnnotation);
  result.photometric_interpretation = text(dataset, tags::kPhotometricInterpretation);
  result.frames = integer(dataset, tags::kNumberOfFrames, 1);
  result.rows = integer(dataset, tags::kRows, 0);
  result.columns = integer(dataset, tags::kColumns, 0);
  result.bits_stored = integer(dataset, tags::kBitsStored, 0);
  result.samples_per_pixel = integer(dataset, tags::kSamplesPerPixel, 1);
  result.has_pixel_data = file.has_pixel_data();
  return result;
}

}  // namespace chexworld
