// SPDX-License-Identifier: Apache-2.0
//
// What a bundle says about itself, for people.
#pragma once

#include <chexworld/bundle.h>

#include <string>

namespace chexworld::cli {

/// Several lines for a terminal: head, calibration, domain, evaluation, training.
std::string model_card_text(const BundleInfo& info);

/// A Markdown page in the usual form of model cards (Mitchell et al., FAT* 2019): details, intended use, data, metrics
/// with intervals, subgroups, limits, licence. What the bundle does not say is said to be missing, never made up.
std::string model_card_markdown(const BundleInfo& info, const std::string& title);

}  // namespace chexworld::cli
