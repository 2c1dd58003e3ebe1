// SPDX-License-Identifier: Apache-2.0
//
// What the worker's answers look like; docs/rest.md describes every field.
#pragma once

#include "base/config.h"
#include "store/records.h"

#include <chexworld/pipeline.h>

#include <map>
#include <optional>
#include <span>
#include <string>

namespace chexworld {

/// {"reason", "detail"}, null where the head answered.
Json to_json(const std::optional<Abstention>& abstained);
/// What is kept of it.
std::optional<Abstention> abstention_of(const ResultRecord& result);

/// Thresholds by label, where the bundle is at hand.
using Thresholds = std::map<std::string, double>;

Json to_json(const PipelineOutcome& outcome);  ///< of one whose result is there
Json to_json(const StoredResult& stored, const std::vector<std::string>& labels, const Thresholds& thresholds);
Json to_json(const Label& label);
Json to_json(const PipelineModel& model);
Json to_json(const PipelineStats& stats);
Json to_json(const Trouble& trouble);
Json to_json(const Location& location);
Json to_json(const ClaimedWork& work);
Json to_json(const AuditEntry& entry);
std::string_view name_of(WorkState state);  ///< "queued", "parked", "skipped"

/// {"shape": [...], "data": [...]}; row-major.
Json array_json(std::span<const float> values, const std::vector<std::int64_t>& shape);
/// f32, little endian.
std::string array_bytes(std::span<const float> values);

}  // namespace chexworld
