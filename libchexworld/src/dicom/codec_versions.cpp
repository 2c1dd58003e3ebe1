// SPDX-License-Identifier: Apache-2.0
#include "dicom/codec_versions.h"

#include <charls/charls.h>
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcuid.h>
#include <jconfig.h>
#include <openjpeg.h>

#define CHEXWORLD_AS_TEXT(x) #x
#define CHEXWORLD_EXPANDED_AS_TEXT(x) CHEXWORLD_AS_TEXT(x)

namespace chexworld {

std::vector<CodecVersion> codec_versions() {
  return {{"DCMTK", OFFIS_DCMTK_VERSION},
          {"OpenJPEG", opj_version()},
          {"CharLS", charls_get_version_string()},
          {"libjpeg-turbo", CHEXWORLD_EXPANDED_AS_TEXT(LIBJPEG_TURBO_VERSION)}};
}

}  // namespace chexworld
