// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dicom/radiograph_tags.h"

#include <chexworld/radiograph.h>

namespace chexworld {

/// Fills view, projection and view_from as far as the tags tell: View Position (PS3.3 C.8.1.1, C.8.11.5), View Code
/// Sequence (CID 4010), Patient Orientation (C.7.6.1.1.1), then the weak ones: Patient Position misused for the view
/// and the words of the series description.
void read_view(const RadiographTags& tags, GateVerdict& verdict);

}  // namespace chexworld
