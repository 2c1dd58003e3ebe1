// SPDX-License-Identifier: Apache-2.0
#include "dicom/dicom_dataset.h"

#include "base/failure.h"

#include <charconv>
#include <cmath>
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <string_view>

namespace chexworld {
namespace {

std::string trimmed(std::string_view text) {
  constexpr std::string_view kPadding(" \0\t", 3);
  const std::size_t first = text.find_first_not_of(kPadding);
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(kPadding) - first + 1));
}

DcmElement* element_of(DcmItem& item, DicomTag tag) {
  DcmElement* element = nullptr;
  return item.findAndGetElement(DcmTagKey(tag.group, tag.element), element).good() ? element : nullptr;
}

/// All values with backslashes between; numbers in decimal.
std::string joined(DcmElement& element) {
  OFString text;
  if (element.getOFStringArray(text, OFFalse).bad()) return {};
  return {text.data(), text.size()};
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> values;
  while (true) {
    const std::size_t end = text.find('\\');
    values.push_back(trimmed(text.substr(0, end)));
    if (end == std::string_view::npos) return values;
    text.remove_prefix(end + 1);
  }
}

double number_of(std::string_view text, DicomTag tag) {
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) {
    fail(ErrorCode::kMalformed, to_string(tag) + " holds something that is no finite number");
  }
  return value;
}

bool is_binary_float(const DcmElement& element) { return element.ident() == EVR_FD || element.ident() == EVR_FL; }

std::vector<double> floats_of(DcmElement& element, DicomTag tag) {
  std::vector<double> values(element.getVM());
  for (std::size_t i = 0; i < values.size(); ++i) {
    Float32 narrow = 0;
    Float64 wide = 0;
    const bool is_narrow = element.ident() == EVR_FL;
    const auto index = static_cast<unsigned long>(i);
    const OFCondition read = is_narrow ? element.getFloat32(narrow, index) : element.getFloat64(wide, index);
    values[i] = is_narrow ? double(narrow) : wide;
    if (read.bad() || !std::isfinite(values[i])) {
      fail(ErrorCode::kMalformed, to_string(tag) + " holds something that is no finite number");
    }
  }
  return values;
}

template <class T>
std::vector<T> copy_of(const T* values, std::size_t count) {
  return values == nullptr ? std::vector<T>() : std::vector<T>(values, values + count);
}

}  // namespace

bool DicomDataset::contains(DicomTag tag) const { return element_of(*item_, tag) != nullptr; }

bool DicomDataset::has_value(DicomTag tag) const {
  DcmElement* element = element_of(*item_, tag);
  return element != nullptr && !element->isEmpty();
}

std::optional<std::string> DicomDataset::text(DicomTag tag) const {
  const std::vector<std::string> all = texts(tag);
  if (all.empty() || all.front().empty()) return std::nullopt;
  return all.front();
}

std::vector<std::string> DicomDataset::texts(DicomTag tag) const {
  DcmElement* element = element_of(*item_, tag);
  if (element == nullptr || !element->isLeaf()) return {};
  const std::string all = joined(*element);
  return all.empty() ? std::vector<std::string>() : split(all);
}

std::optional<std::int64_t> DicomDataset::integer(DicomTag tag) const {
  const std::vector<double> values = numbers(tag);
  if (values.empty()) return std::nullopt;
  constexpr double kExact = 9007199254740992.0;  // 2^53
  if (values.front() != std::floor(values.front()) || std::abs(values.front()) > kExact) {
    fail(ErrorCode::kMalformed, to_string(tag) + " holds something that is no whole number");
  }
  return std::int64_t(values.front());
}

std::vector<double> DicomDataset::numbers(DicomTag tag) const {
  DcmElement* element = element_of(*item_, tag);
  if (element == nullptr || !element->isLeaf()) return {};
  if (is_binary_float(*element)) return floats_of(*element, tag);
  std::vector<double> values;
  const std::string all = joined(*element);
  if (trimmed(all).empty()) return {};
  for (const std::string& value : split(all)) values.push_back(number_of(value, tag));
  return values;
}

std::vector<std::uint16_t> DicomDataset::words(DicomTag tag) const {
  DcmElement* element = element_of(*item_, tag);
  if (element == nullptr || !element->isLeaf()) return {};
  const std::size_t count = element->getLength() / 2;
  Uint16* unsigned_words = nullptr;
  if (element->getUint16Array(unsigned_words).good()) return copy_of(unsigned_words, count);
  Sint16* signed_words = nullptr;
  if (element->getSint16Array(signed_words).good()) {
    return copy_of(reinterpret_cast<const std::uint16_t*>(signed_words), count);
  }
  const std::vector<std::uint8_t> raw = bytes(tag);
  std::vector<std::uint16_t> values(raw.size() / 2);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::uint16_t(raw[2 * i] | raw[2 * i + 1] << 8);
  return values;
}

std::vector<std::uint8_t> DicomDataset::bytes(DicomTag tag) const {
  DcmElement* element = element_of(*item_, tag);
  if (element == nullptr || !element->isLeaf()) return {};
  Uint8* raw = nullptr;
  if (element->getUint8Array(raw).good()) return copy_of(raw, element->getLength());
  Uint16* words = nullptr;
  if (element->getUint16Array(words).bad() || words == nullptr) return {};
  std::vector<std::uint8_t> values(element->getLength());
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::uint8_t(words[i / 2] >> (i % 2 * 8));
  return values;
}

std::vector<DicomDataset> DicomDataset::items(DicomTag tag) const {
  DcmElement* element = element_of(*item_, tag);
  auto* sequence =
      element != nullptr && element->ident() == EVR_SQ ? static_cast<DcmSequenceOfItems*>(element) : nullptr;
  std::vector<DicomDataset> found;
  if (sequence == nullptr) return found;
  for (unsigned long i = 0; i < sequence->card(); ++i) found.emplace_back(*sequence->getItem(i));
  return found;
}

}  // namespace chexworld
