// SPDX-License-Identifier: Apache-2.0
#include "dicom/dcmtk_setup.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcrledrg.h>
#include <dcmtk/dcmdata/dctag.h>
#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/oflog/oflog.h>
#include <mutex>

namespace chexworld {

void set_up_dcmtk() {
  static std::once_flag once;
  std::call_once(once, [] {
    OFLog::configure(OFLogger::OFF_LOG_LEVEL);
    // colour stays as it is in the stream; we make luma of it ourselves
    DJDecoderRegistration::registerCodecs(EDC_never, EUC_never);
    DcmRLEDecoderRegistration::registerCodecs();
  });
}

bool dictionary_says_sequence(DicomTag tag) {
  set_up_dcmtk();
  return DcmTag(tag.group, tag.element).getEVR() == EVR_SQ;
}

}  // namespace chexworld
