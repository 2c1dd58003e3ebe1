// SPDX-License-Identifier: Apache-2.0
#include "support/encoders.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcistrmb.h>
#include <dcmtk/dcmdata/dcostrmb.h>
#include <dcmtk/dcmdata/dcrleerg.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmjpeg/djencode.h>
#include <dcmtk/dcmjpeg/djrplol.h>
#include <dcmtk/dcmjpeg/djrploss.h>

#include <memory>
#include <mutex>
#include <stdexcept>

namespace chexworld::test {
namespace {

void set_up() {
  static std::once_flag once;
  std::call_once(once, [] {
    DJEncoderRegistration::registerCodecs(ECC_lossyYCbCr, EUC_never);
    DcmRLEEncoderRegistration::registerCodecs();
  });
}

Bytes written(DcmFileFormat& file, E_TransferSyntax syntax, std::size_t room) {
  Bytes bytes(room);
  DcmOutputBufferStream stream(bytes.data(), offile_off_t(bytes.size()));
  file.transferInit();
  const OFCondition status = file.write(stream, syntax, EET_ExplicitLength, nullptr);
  file.transferEnd();
  void* start = nullptr;
  offile_off_t size = 0;
  stream.flushBuffer(start, size);
  if (status.bad()) throw std::runtime_error(std::string("DCMTK cannot write: ") + status.text());
  bytes.resize(std::size_t(size));
  return bytes;
}

}  // namespace

Bytes encode_with_dcmtk(const Picture& picture, std::string_view transfer_syntax_uid) {
  set_up();
  const Bytes plain = native_file(shell_for(picture), "1.2.840.10008.1.2.1", native_samples(picture));
  DcmInputBufferStream stream;
  stream.setBuffer(plain.data(), offile_off_t(plain.size()));
  stream.setEos();
  DcmFileFormat file;
  file.transferInit();
  if (file.read(stream).bad()) throw std::runtime_error("DCMTK cannot read");
  file.transferEnd();
  const E_TransferSyntax syntax = DcmXfer(std::string(transfer_syntax_uid).c_str()).getXfer();
  const DJ_RPLossless lossless(6, 0);
  const DJ_RPLossy lossy(90);
  const bool is_lossy = syntax == EXS_JPEGProcess2_4;
  const DcmRepresentationParameter* parameter = nullptr;
  if (is_lossy) parameter = &lossy;
  if (syntax == EXS_JPEGProcess14 || syntax == EXS_JPEGProcess14SV1) parameter = &lossless;
  const OFCondition status = file.getDataset()->chooseRepresentation(syntax, parameter);
  if (status.bad()) throw std::runtime_error(std::string("DCMTK cannot encode: ") + status.text());
  file.getDataset()->removeAllButCurrentRepresentations();
  return written(file, syntax, plain.size() * 2 + 65536);
}

}  // namespace chexworld::test
