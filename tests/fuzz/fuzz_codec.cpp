// SPDX-License-Identifier: Apache-2.0
//
// A code stream in a sound DICOM object whose size agrees with it where that can be told, so that the decoder itself
// is reached. Compiled once for each codec: CHEXWORLD_FUZZ_SYNTAX is the transfer syntax UID.
#include "dicom/stream_header.h"
#include "dicom/transfer_syntax.h"
#include "fuzz/dicom_input.h"
#include "fuzz/fuzz_support.h"
#include "support/encoders.h"

#include <zlib.h>

namespace {

using namespace chexworld;
using test::Bytes;
using test::ShellImage;

constexpr std::string_view kSyntax = CHEXWORLD_FUZZ_SYNTAX;

/// What the stream says of itself, else 64 x 48 pixels of 12 bits.
ShellImage shell_of(std::span<const std::byte> stream) {
  ShellImage image{.rows = 48, .columns = 64};
  const PixelCodec codec = transfer_syntax(kSyntax).codec;
  if (codec == PixelCodec::kNative || codec == PixelCodec::kRle) return image;
  try {
    const StreamHeader header =
        codec == PixelCodec::kJpeg2000 ? read_jpeg2000_header(stream) : read_jpeg_header(stream);
    image.rows = header.height;
    image.columns = header.width;
    image.samples = header.components;
    image.photometric = header.components == 3 ? "RGB" : "MONOCHROME2";
    image.bits_allocated = header.precision > 8 ? 16 : 8;
    image.bits_stored = std::min(header.precision, image.bits_allocated);
    image.high_bit = image.bits_stored - 1;
  } catch (const Failure&) {
  }
  return image;
}

/// The fragment of an object that DCMTK compressed.
std::string fragment_of(const Bytes& file) {
  const DicomFile opened = DicomFile::from_view(file);
  const ByteRange fragment = opened.pixel_data().fragments.front();
  const auto bytes = opened.dataset_bytes().subspan(fragment.offset, fragment.length);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string text_of(const Bytes& bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

Bytes deflated(const Bytes& plain) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  Bytes out(plain.size() + 1024);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(plain.data()));
  stream.avail_in = uInt(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = uInt(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Bytes deflated_dataset(const test::Picture& film) {
  test::ElementWriter dataset = image_dataset(shell_for(film), ElementEncoding::kExplicitLittle);
  dataset.value(tags::kPixelData, "OW", native_samples(film));
  return deflated(dataset.bytes());
}

std::string stream_of(const test::Picture& film) {
  const TransferSyntax& syntax = transfer_syntax(kSyntax);
  switch (syntax.codec) {
    case PixelCodec::kJpeg:
      return film.bits > 8 ? fragment_of(encode_with_dcmtk(film, "1.2.840.10008.1.2.4.51"))
                           : text_of(encode_jpeg(film, 75));
    case PixelCodec::kJpegLs: return text_of(encode_jpeg_ls(film, syntax.lossy ? 3 : 0));
    case PixelCodec::kJpeg2000: return text_of(encode_jpeg2000(film, film.bits > 8 ? 0 : 5, 3));
    case PixelCodec::kJpegLossless:
    case PixelCodec::kRle: return fragment_of(encode_with_dcmtk(film, kSyntax));
    default: return syntax.deflated ? text_of(deflated_dataset(film)) : text_of(native_samples(film));
  }
}

std::vector<std::string> seeds() {
  std::vector<std::string> all;
  for (const int bits : {8, 12}) all.push_back(stream_of(test::synthetic_film(48, 64, bits)));
  return all;
}

Bytes object_around(std::span<const std::byte> stream) {
  const TransferSyntax& syntax = transfer_syntax(kSyntax);
  if (syntax.deflated) return test::dicom_file(kSyntax, stream);
  if (!syntax.encapsulated()) return native_file(shell_of(stream), kSyntax, stream);
  return encapsulated_file(shell_of(stream), kSyntax, {Bytes(stream.begin(), stream.end())});
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  fuzz::write_seeds_if_asked(*argc, *argv, seeds);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::decode_everything(object_around(std::as_bytes(std::span(data, size))));
  return 0;
}
