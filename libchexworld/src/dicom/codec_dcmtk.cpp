// SPDX-License-Identifier: Apache-2.0
//
// DCMTK decodes a data set made here from the checked attributes and the one frame; it never sees the file's own.
#include "base/failure.h"
#include "dicom/codec.h"
#include "dicom/dcmtk_setup.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcpixel.h>
#include <dcmtk/dcmdata/dcpixseq.h>
#include <dcmtk/dcmdata/dcpxitem.h>
#include <dcmtk/dcmdata/dctk.h>

namespace chexworld {
namespace {

void put(DcmDataset& dataset, const DcmTagKey& tag, int value) { dataset.putAndInsertUint16(tag, Uint16(value)); }

const char* term_of(Photometric photometric) {
  switch (photometric) {
    case Photometric::kRgb: return "RGB";
    case Photometric::kYbrFull: return "YBR_FULL";
    case Photometric::kYbrFull422: return "YBR_FULL_422";
    default: return "MONOCHROME2";
  }
}

void put_pixel_module(DcmDataset& dataset, const PixelModule& module) {
  put(dataset, DCM_SamplesPerPixel, module.samples_per_pixel);
  dataset.putAndInsertString(DCM_PhotometricInterpretation, term_of(module.photometric));
  if (module.samples_per_pixel > 1) put(dataset, DCM_PlanarConfiguration, module.planar ? 1 : 0);
  dataset.putAndInsertString(DCM_NumberOfFrames, "1");
  put(dataset, DCM_Rows, module.rows);
  put(dataset, DCM_Columns, module.columns);
  put(dataset, DCM_BitsAllocated, module.bits_allocated);
  put(dataset, DCM_BitsStored, module.bits_stored);
  put(dataset, DCM_HighBit, module.high_bit);
  put(dataset, DCM_PixelRepresentation, module.is_signed ? 1 : 0);
}

std::unique_ptr<DcmPixelItem> item_with(std::span<const std::byte> header, std::span<const std::byte> rest) {
  auto item = std::make_unique<DcmPixelItem>(DCM_PixelItemTag);
  Uint8* target = nullptr;
  const std::size_t size = header.size() + rest.size();
  const std::size_t padded = size + size % 2;
  if (item->createUint8Array(Uint32(padded), target).bad())
    fail(ErrorCode::kResourceExhausted, "no memory for a frame");
  auto* end = std::copy(header.begin(), header.end(), reinterpret_cast<std::byte*>(target));
  std::copy(rest.begin(), rest.end(), end);
  if (padded != size) target[size] = 0;
  return item;
}

/// An encapsulated data set with one frame in one fragment.
std::shared_ptr<DcmDataset> shell_around(const CodecInput& input, const JpegParts& stream, E_TransferSyntax syntax) {
  auto dataset = std::make_shared<DcmDataset>();
  put_pixel_module(*dataset, input.module);
  auto sequence = std::make_unique<DcmPixelSequence>(DcmTag(DCM_PixelData, EVR_OB));
  sequence->insert(new DcmPixelItem(DCM_PixelItemTag));
  sequence->insert(item_with(stream.header, stream.rest).release());
  auto pixels = std::make_unique<DcmPixelData>(DCM_PixelData);
  pixels->putOriginalRepresentation(syntax, nullptr, sequence.release());
  dataset->insert(pixels.release());
  return dataset;
}

int value_of(DcmDataset& dataset, const DcmTagKey& tag) {
  Uint16 value = 0;
  dataset.findAndGetUint16(tag, value);
  return value;
}

/// The decoded samples, which belong to the data set.
std::span<const std::byte> samples_of(DcmDataset& dataset, int sample_bytes) {
  DcmElement* element = nullptr;
  if (dataset.findAndGetElement(DCM_PixelData, element).bad()) return {};
  Uint8* bytes = nullptr;
  Uint16* words = nullptr;
  const bool read = sample_bytes == 1 ? element->getUint8Array(bytes).good() : element->getUint16Array(words).good();
  const void* start = sample_bytes == 1 ? static_cast<const void*>(bytes) : static_cast<const void*>(words);
  if (!read || start == nullptr) return {};
  return {static_cast<const std::byte*>(start), element->getLength()};
}

RawFrame describe(std::shared_ptr<DcmDataset> dataset, const CodecInput& input, const std::string& what) {
  RawFrame frame{.rows = input.module.rows,
                 .columns = input.module.columns,
                 .components = input.module.samples_per_pixel,
                 .sample_bytes = value_of(*dataset, DCM_BitsAllocated) / 8,
                 .precision = input.header.precision};
  const bool planes = frame.components > 1 && value_of(*dataset, DCM_PlanarConfiguration) == 1;
  const auto samples = samples_of(*dataset, frame.sample_bytes);
  const auto sample = std::size_t(frame.sample_bytes);
  frame.pixel_stride = planes ? sample : sample * std::size_t(frame.components);
  frame.row_stride = frame.pixel_stride * std::size_t(frame.columns);
  const std::size_t plane = sample * std::size_t(frame.rows) * std::size_t(frame.columns);
  if (samples.size() < plane * std::size_t(frame.components)) {
    fail(ErrorCode::kMalformed, "the " + what + " decodes to fewer samples than the data set says");
  }
  for (int i = 0; i < frame.components; ++i) {
    frame.component[std::size_t(i)] = samples.data() + (planes ? plane : sample) * std::size_t(i);
  }
  frame.owner = std::move(dataset);
  return frame;
}

RawFrame decode_with_dcmtk(const CodecInput& input, const JpegParts& stream, E_TransferSyntax syntax,
                           const std::string& what) {
  set_up_dcmtk();
  std::shared_ptr<DcmDataset> dataset = shell_around(input, stream, syntax);
  input.deadline.check();
  const OFCondition decoded = dataset->chooseRepresentation(EXS_LittleEndianExplicit, nullptr);
  input.deadline.check();
  if (decoded.bad()) fail(ErrorCode::kMalformed, "the " + what + " is damaged: " + decoded.text());
  dataset->removeAllButCurrentRepresentations();
  return describe(std::move(dataset), input, what);
}

}  // namespace

RawFrame decode_jpeg_dcmtk(const CodecInput& input) {
  const bool lossless = input.header.start_of_frame == 0xc3;
  return decode_with_dcmtk(input, with_plain_header(input.stream), lossless ? EXS_JPEGProcess14 : EXS_JPEGProcess2_4,
                           "JPEG stream");
}

RawFrame decode_rle(const CodecInput& input) {
  return decode_with_dcmtk(input, {{}, input.stream}, EXS_RLELossless, "RLE frame");
}

}  // namespace chexworld
