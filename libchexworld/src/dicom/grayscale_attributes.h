// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dicom/dicom_dataset.h"
#include "image/grayscale_pipeline.h"

#include <string>
#include <vector>

namespace chexworld {

struct ReadGrayscaleAttributes {
  GrayscaleAttributes attributes;
  std::vector<std::string> doubts;  ///< what was unusable and left out; sentences without values
};

/// The elements of Modality LUT (PS3.3 C.11.1), VOI LUT (C.11.2), Pixel Padding (C.7.5.1.1.2) and Presentation LUT
/// Shape (C.11.6) of one image. Never throws for what an object says: what cannot be used is left out and told.
/// `is_signed`: Pixel Representation, which decides how Pixel Padding and LUT descriptors are meant.
ReadGrayscaleAttributes read_grayscale_attributes(const DicomDataset& dataset, bool is_signed);

}  // namespace chexworld
