// SPDX-License-Identifier: Apache-2.0
//
// Between records and columns.
#pragma once

#include "store/records.h"
#include "store/sql.h"

namespace chexworld {

/// FROM results r JOIN instances i ON i.instance = r.instance, with the columns result_from expects.
extern const std::string kSelectResult;
StoredResult result_from(const SqlRow& row, const std::string& model_id);

/// Statement, to be gone on with AND or ON CONFLICT: every place of an instance without a result of model $1 is queued
/// for it, behind what arrives. Locations are `l`.
extern const std::string kQueueSecondLook;
extern const std::string kInstanceColumns;  ///< those of InstanceRecord, without the row number
InstanceRecord instance_from(const SqlRow& row, std::size_t first_column);
std::vector<SqlValue> values_of(const InstanceRecord& instance);

/// A text expression for an instance `i`: its own labels, then those of its study; labels_from_text reads it.
extern const std::string kLabelText;
std::vector<StoredLabel> labels_from_text(const std::string& text);

ModelRecord model_from(const SqlRow& row,
                       std::size_t first_column);  ///< model_id, name, embedding_size, finding_labels
std::string texts_as_json(const std::vector<std::string>& texts);

std::int64_t to_ms(Clock::WallTime time);
Clock::WallTime from_ms(std::int64_t ms);

}  // namespace chexworld
