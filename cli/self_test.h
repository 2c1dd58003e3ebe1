// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bundle/vit_import.h"

namespace chexworld::cli {

/// Adds `selftest.input`, a fixed pseudo-random image, and `selftest.embedding`, what the encoder makes of it, to the
/// model. In builds without LibTorch adds a note instead that says so.
/// `scratch` is a file name that may be used and is gone afterwards.
void add_self_test(ImportedModel& model, const std::filesystem::path& scratch);

}  // namespace chexworld::cli
