// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dicom/dicom_dataset.h"

namespace chexworld {

/// Luma in 8 bits of every stored value from 0 on, from the Palette Color Lookup Tables (PS3.3 section C.7.6.3.1.5).
/// Throws Failure: kMalformed naming the table, kUnsupported for segmented tables.
std::vector<std::uint8_t> palette_luma(const DicomDataset& dataset);

}  // namespace chexworld
