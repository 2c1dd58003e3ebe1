// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dicom/tags.h"

namespace chexworld {

/// Once per process: silences DCMTK's log (it may quote values) and registers its decoders. Thread safe.
void set_up_dcmtk();

/// Whether DCMTK, reading without VRs, takes this element for a sequence.
bool dictionary_says_sequence(DicomTag tag);

}  // namespace chexworld
