// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dicom/dicom_file.h"
#include "image/grayscale_pipeline.h"
#include "image/prepare.h"

#include <chexworld/radiograph.h>

namespace chexworld {

/// What <chexworld/radiograph.h> promises, for an object that is open already, under its limits. Throws Failure.
Radiograph load_radiograph(const DicomFile& file, const RenderOptions& options = {});

/// Options that render what `recipe` needs: its contrast, and with `fast` no more pixels than it uses.
RenderOptions options_for(const PreparationRecipe& recipe, bool fast);

}  // namespace chexworld
