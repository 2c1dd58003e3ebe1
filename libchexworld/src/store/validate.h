// SPDX-License-Identifier: Apache-2.0
//
// The rules of records.h. Each check throws Failure(kInvalidArgument) that names the field, never its content.
#pragma once

#include "store/records.h"

#include <string_view>

namespace chexworld {

void check(const ModelRecord& model);
void check(const Batch& batch);
void check(const ClaimRequest& request);
void check(const LabelSubject& subject);
void check(const Labelling& labelling);
void check_text(std::string_view text, std::string_view field, std::size_t most_bytes = 256);
/// check_text, and not empty.
void check_name(std::string_view text, std::string_view field);
/// The sizes a result must have under its model.
void check_fits(const ResultRecord& result, const ModelRecord& model);

}  // namespace chexworld
