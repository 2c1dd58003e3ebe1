// SPDX-License-Identifier: Apache-2.0
#include "support/dicom_shell.h"

#include "dicom/transfer_syntax.h"

#include <algorithm>
#include <array>

namespace chexworld::test {
namespace {

bool has_long_length(std::string_view vr) {
  constexpr auto kLong = std::to_array<std::string_view>({"OB", "OW", "SQ", "UN", "UT", "OF"});
  return std::find(kLong.begin(), kLong.end(), vr) != kLong.end();
}

}  // namespace

void ElementWriter::u16(std::uint16_t value) {
  const std::byte low{std::uint8_t(value)}, high{std::uint8_t(value >> 8)};
  const bool big = encoding_ == ElementEncoding::kExplicitBig;
  bytes_.push_back(big ? high : low);
  bytes_.push_back(big ? low : high);
}

void ElementWriter::u32(std::uint32_t value) {
  const bool big = encoding_ == ElementEncoding::kExplicitBig;
  u16(std::uint16_t(big ? value >> 16 : value));
  u16(std::uint16_t(big ? value : value >> 16));
}

void ElementWriter::header(DicomTag tag, std::string_view vr, std::uint32_t length) {
  u16(tag.group);
  u16(tag.element);
  if (encoding_ == ElementEncoding::kImplicitLittle) return u32(length);
  raw(vr);
  if (!has_long_length(vr)) return u16(std::uint16_t(length));
  u16(0);
  u32(length);
}

void ElementWriter::item(DicomTag tag, std::uint32_t length) {
  u16(tag.group);
  u16(tag.element);
  u32(length);
}

void ElementWriter::number(DicomTag tag, std::uint16_t value) {
  header(tag, "US", 2);
  u16(value);
}

void ElementWriter::text(DicomTag tag, std::string_view vr, std::string value) {
  if (value.size() % 2 != 0) value.push_back(vr == "UI" ? '\0' : ' ');
  header(tag, vr, std::uint32_t(value.size()));
  raw(value);
}

void ElementWriter::value(DicomTag tag, std::string_view vr, std::span<const std::byte> bytes) {
  header(tag, vr, std::uint32_t(bytes.size() + bytes.size() % 2));
  raw(bytes);
  if (bytes.size() % 2 != 0) bytes_.push_back(std::byte{0});
}

Bytes dicom_file(std::string_view transfer_syntax_uid, std::span<const std::byte> dataset) {
  ElementWriter syntax(ElementEncoding::kExplicitLittle);
  syntax.text(tags::kTransferSyntaxUid, "UI", std::string(transfer_syntax_uid));
  ElementWriter file(ElementEncoding::kExplicitLittle);
  file.raw(Bytes(128));
  file.raw("DICM");
  file.header(tags::kFileMetaInformationGroupLength, "UL", 4);
  file.u32(std::uint32_t(syntax.bytes().size()));
  file.raw(syntax.bytes());
  file.raw(dataset);
  return file.bytes();
}

ElementWriter image_dataset(const ShellImage& image, ElementEncoding encoding) {
  ElementWriter dataset(encoding);
  dataset.text({0x0008, 0x0016}, "UI", "1.2.840.10008.5.1.4.1.1.1");
  dataset.text({0x0008, 0x0060}, "CS", "CR");
  dataset.number(tags::kSamplesPerPixel, std::uint16_t(image.samples));
  dataset.text(tags::kPhotometricInterpretation, "CS", image.photometric);
  if (image.samples > 1) dataset.number(tags::kPlanarConfiguration, image.planar ? 1 : 0);
  if (image.frames != 1) dataset.text(tags::kNumberOfFrames, "IS", std::to_string(image.frames));
  dataset.number(tags::kRows, std::uint16_t(image.rows));
  dataset.number(tags::kColumns, std::uint16_t(image.columns));
  dataset.number(tags::kBitsAllocated, std::uint16_t(image.bits_allocated));
  dataset.number(tags::kBitsStored, std::uint16_t(image.bits_stored));
  dataset.number(tags::kHighBit, std::uint16_t(image.high_bit));
  dataset.number(tags::kPixelRepresentation, image.is_signed ? 1 : 0);
  if (image.window_width != 0) {
    dataset.text({0x0028, 0x1050}, "DS", std::to_string(image.window_width / 2));
    dataset.text({0x0028, 0x1051}, "DS", std::to_string(image.window_width));
  }
  return dataset;
}

Bytes native_file(const ShellImage& image, std::string_view transfer_syntax_uid, std::span<const std::byte> pixels) {
  ElementWriter dataset = image_dataset(image, transfer_syntax(transfer_syntax_uid).encoding);
  dataset.value(tags::kPixelData, "OW", pixels);
  return dicom_file(transfer_syntax_uid, dataset.bytes());
}

Bytes encapsulated_file(const ShellImage& image, std::string_view transfer_syntax_uid,
                        const std::vector<Bytes>& fragments, const std::vector<std::uint32_t>& offset_table) {
  ElementWriter dataset = image_dataset(image, ElementEncoding::kExplicitLittle);
  dataset.header(tags::kPixelData, "OB", kUndefined);
  dataset.item(tags::kItem, std::uint32_t(offset_table.size() * 4));
  for (const std::uint32_t offset : offset_table) dataset.u32(offset);
  for (const Bytes& fragment : fragments) {
    dataset.item(tags::kItem, std::uint32_t(fragment.size()));
    dataset.raw(fragment);
  }
  dataset.item(tags::kSequenceDelimitation, 0);
  return dicom_file(transfer_syntax_uid, dataset.bytes());
}

}  // namespace chexworld::test
