// SPDX-License-Identifier: Apache-2.0
#include "dicom/grayscale_attributes.h"

#include "base/failure.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <string_view>

namespace chexworld {
namespace {

constexpr DicomTag kPhotometricInterpretation{0x0028, 0x0004};
constexpr DicomTag kPixelPaddingValue{0x0028, 0x0120};
constexpr DicomTag kPixelPaddingRangeLimit{0x0028, 0x0121};
constexpr DicomTag kWindowCenter{0x0028, 0x1050};
constexpr DicomTag kWindowWidth{0x0028, 0x1051};
constexpr DicomTag kRescaleIntercept{0x0028, 0x1052};
constexpr DicomTag kRescaleSlope{0x0028, 0x1053};
constexpr DicomTag kVoiLutFunction{0x0028, 0x1056};
constexpr DicomTag kModalityLutSequence{0x0028, 0x3000};
constexpr DicomTag kLutDescriptor{0x0028, 0x3002};
constexpr DicomTag kLutData{0x0028, 0x3006};
constexpr DicomTag kVoiLutSequence{0x0028, 0x3010};
constexpr DicomTag kPresentationLutShape{0x2050, 0x0020};

std::size_t announced_entries(std::uint16_t descriptor) { return descriptor == 0 ? 65536 : descriptor; }

/// Entries of 8 bits may lie two to a word (PS3.3 C.11.1.1.1) or, as many writers do it, one to a word.
std::optional<std::vector<std::uint16_t>> entries_of(const DicomDataset& item, std::size_t count, int bits) {
  std::vector<std::uint16_t> words = item.words(kLutData);
  if (words.size() >= count) {
    words.resize(count);
    return words;
  }
  const std::vector<std::uint8_t> bytes = item.bytes(kLutData);
  if (bits > 8 || bytes.size() < count) return std::nullopt;
  return std::vector<std::uint16_t>(bytes.begin(), bytes.begin() + std::ptrdiff_t(count));
}

/// Reads one object's attributes, gathering doubts.
class Reader {
 public:
  Reader(const DicomDataset& dataset, bool is_signed) : dataset_(dataset), is_signed_(is_signed) {}

  ReadGrayscaleAttributes read() {
    read_modality();
    read_voi_luts();
    read_windows();
    read_padding();
    read_presentation();
    return std::move(result_);
  }

 private:
  void doubt(std::string sentence) { result_.doubts.push_back(std::move(sentence)); }

  /// `action`'s value, or a doubt and nothing where the element cannot be read.
  template <class Action>
  auto attempt(Action&& action) -> std::optional<decltype(action())> {
    try {
      return action();
    } catch (const Failure& failure) {
      doubt(failure.error().message());
      return std::nullopt;
    }
  }

  std::optional<LookupTable> table_of(const DicomDataset& item, bool signed_input) {
    const std::vector<std::uint16_t> descriptor = item.words(kLutDescriptor);
    if (descriptor.size() != 3) fail(ErrorCode::kMalformed, "LUT Descriptor (0028,3002) has not three values");
    LookupTable table;
    table.first_mapped = signed_input ? int(std::int16_t(descriptor[1])) : int(descriptor[1]);
    table.bits = descriptor[2];
    if (table.bits < 1 || table.bits > 16)
      fail(ErrorCode::kMalformed, "LUT Descriptor (0028,3002) announces entries of an impossible size");
    auto entries = entries_of(item, announced_entries(descriptor[0]), table.bits);
    if (!entries) fail(ErrorCode::kMalformed, "LUT Data (0028,3006) has fewer entries than its descriptor says");
    table.entries = std::move(*entries);
    return table;
  }

  std::vector<LookupTable> tables_of(DicomTag sequence, const std::string& name, bool signed_input) {
    std::vector<LookupTable> tables;
    const auto items = attempt([&] { return dataset_.items(sequence); });
    if (!items) return tables;
    for (const DicomDataset& item : *items) {
      try {
        tables.push_back(*table_of(item, signed_input));
      } catch (const Failure& failure) {
        doubt(name + " left out: " + failure.error().message());
      }
    }
    return tables;
  }

  void read_modality() {
    auto tables = tables_of(kModalityLutSequence, "Modality LUT", is_signed_);
    if (!tables.empty()) result_.attributes.modality_lut = std::move(tables.front());
    const auto slope = attempt([&] { return dataset_.numbers(kRescaleSlope); });
    const auto intercept = attempt([&] { return dataset_.numbers(kRescaleIntercept); });
    if (!slope || !intercept) return;
    if (!slope->empty()) result_.attributes.rescale_slope = slope->front();
    if (!intercept->empty()) result_.attributes.rescale_intercept = intercept->front();
    if (result_.attributes.rescale_slope != 0) return;
    result_.attributes.rescale_slope = 1;
    doubt("Rescale Slope (0028,1053) is 0, which would leave no picture; taken as 1");
  }

  /// Whether modality values can be below 0, so that a VOI LUT's first mapped value is meant signed.
  bool signed_modality_values() const {
    const GrayscaleAttributes& attributes = result_.attributes;
    if (attributes.modality_lut) return false;
    return is_signed_ || attributes.rescale_intercept < 0 || attributes.rescale_slope < 0;
  }

  void read_voi_luts() {
    result_.attributes.voi_luts = tables_of(kVoiLutSequence, "VOI LUT", signed_modality_values());
  }

  VoiFunction read_function() {
    const auto name = attempt([&] { return dataset_.text(kVoiLutFunction); });
    if (!name || !*name || **name == "LINEAR") return VoiFunction::kLinear;
    if (**name == "LINEAR_EXACT") return VoiFunction::kLinearExact;
    if (**name == "SIGMOID") return VoiFunction::kSigmoid;
    doubt("VOI LUT Function (0028,1056) is none of the defined terms; taken as LINEAR");
    return VoiFunction::kLinear;
  }

  static double parsed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '+')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\0')) text.remove_suffix(1);
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    return whole ? value : std::numeric_limits<double>::quiet_NaN();
  }

  void read_windows() {
    const auto centers = attempt([&] { return dataset_.texts(kWindowCenter); });
    const auto widths = attempt([&] { return dataset_.texts(kWindowWidth); });
    if (!centers || !widths) return;
    if (centers->size() != widths->size())
      doubt("Window Center (0028,1050) and Window Width (0028,1051) differ in number; the surplus is left out");
    const VoiFunction function = read_function();
    for (std::size_t i = 0; i < std::min(centers->size(), widths->size()); ++i) {
      const Window window{parsed((*centers)[i]), parsed((*widths)[i]), function};
      if (window.usable())
        result_.attributes.windows.push_back(window);
      else
        doubt("window " + std::to_string(i + 1) + " of (0028,1050) and (0028,1051) is unusable and left out");
    }
  }

  std::optional<int> stored_value(DicomTag tag) {
    const auto words = attempt([&] { return dataset_.words(tag); });
    if (!words || words->empty()) return std::nullopt;
    return is_signed_ ? int(std::int16_t(words->front())) : int(words->front());
  }

  void read_padding() {
    const std::optional<int> first = stored_value(kPixelPaddingValue);
    if (!first) return;
    const int last = stored_value(kPixelPaddingRangeLimit).value_or(*first);
    result_.attributes.padding = PixelPadding{std::min(*first, last), std::max(*first, last)};
  }

  void read_presentation() {
    const bool monochrome1 =
        attempt([&] { return dataset_.text(kPhotometricInterpretation); }).value_or(std::nullopt) == "MONOCHROME1";
    const auto shape = attempt([&] { return dataset_.text(kPresentationLutShape); }).value_or(std::nullopt);
    result_.attributes.inverted = shape == "INVERSE" || (shape != "IDENTITY" && monochrome1);
    if (result_.attributes.inverted != monochrome1)
      doubt(
          "Presentation LUT Shape (2050,0020) contradicts Photometric Interpretation (0028,0004); the shape is "
          "followed");
  }

  const DicomDataset& dataset_;
  const bool is_signed_;
  ReadGrayscaleAttributes result_;
};

}  // namespace

ReadGrayscaleAttributes read_grayscale_attributes(const DicomDataset& dataset, bool is_signed) {
  return Reader(dataset, is_signed).read();
}

}  // namespace chexworld
