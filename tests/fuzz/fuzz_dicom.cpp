// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a DICOM file: structure, tags of every kind, decoding at full and reduced size.
#include "fuzz/dicom_input.h"

namespace {

using namespace chexworld;

void read_tags(const DicomDataset& dataset, int depth) {
  constexpr DicomTag kTags[] = {{0x0008, 0x0016}, {0x0018, 0x5101}, {0x0020, 0x0020},           {0x0028, 0x0120},
                                {0x0028, 0x1050}, {0x0028, 0x1051}, {0x0028, 0x1053},           {0x0028, 0x3002},
                                {0x0028, 0x3006}, tags::kRows,      tags::kRedPaletteDescriptor};
  constexpr DicomTag kSequences[] = {{0x0028, 0x3000}, {0x0028, 0x3010}, {0x0054, 0x0220}, {0x0088, 0x0200}};
  for (const DicomTag tag : kTags) {
    (void)dataset.texts(tag);
    (void)dataset.words(tag);
    (void)dataset.bytes(tag);
    (void)capture([&] { return dataset.numbers(tag); });
    (void)capture([&] { return dataset.integer(tag); });
  }
  if (depth == 0) return;
  for (const DicomTag tag : kSequences) {
    for (const DicomDataset& item : dataset.items(tag)) read_tags(item, depth - 1);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    const DicomFile file = DicomFile::from_view(bytes, fuzz::small_limits());
    read_tags(file.dataset(), 2);
  } catch (const Failure&) {
  }
  fuzz::decode_everything(bytes);
  return 0;
}
