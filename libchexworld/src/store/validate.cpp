// SPDX-License-Identifier: Apache-2.0
#include "store/validate.h"

#include "base/failure.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace chexworld {
namespace {

constexpr std::uint32_t kMostDimensions = 16000;  // of pgvector's halfvec
constexpr std::size_t kMostReasonBytes = 1024;
constexpr std::size_t kMostFindings = 4096;
constexpr std::uint32_t kMostGrid = 256;
constexpr std::size_t kMostLabelBytes = 64;
constexpr std::size_t kMostLabels = 1024;
constexpr std::size_t kMostQualityNotes = 64;

[[noreturn]] void reject(std::string_view field, const std::string& why) {
  fail(ErrorCode::kInvalidArgument, "the store refuses this record: " + std::string(field) + " " + why);
}

/// Length of the UTF-8 sequence that starts `text` (Unicode 15, table 3-7); 0 when there is none.
std::size_t utf8_length(std::string_view text) {
  const auto at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto tail = [&](std::size_t i) { return (at(i) & 0xc0u) == 0x80u; };
  const unsigned first = at(0);
  const unsigned second = at(1);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return tail(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const bool overlong = first == 0xe0 && second < 0xa0;
    const bool surrogate = first == 0xed && second >= 0xa0;
    return tail(1) && tail(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool overlong = first == 0xf0 && second < 0x90;
    const bool beyond = first == 0xf4 && second >= 0x90;
    return tail(1) && tail(2) && tail(3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

void check_location(const Location& location) {
  check_name(location.server, "server");
  check_name(location.instance_id, "instance_id");
  check_text(location.series_id, "series_id");
  check_text(location.study_id, "study_id");
}

void check_instance(const InstanceRecord& instance) {
  check_name(instance.sop_instance_uid, "sop_instance_uid");
  check_text(instance.series_instance_uid, "series_instance_uid");
  check_text(instance.study_instance_uid, "study_instance_uid");
  check_text(instance.patient_key, "patient_key");
  check_text(instance.view, "view");
  check_text(instance.sex, "sex");
  check_text(instance.institution, "institution");
  check_text(instance.device, "device");
  check_text(instance.sop_class_uid, "sop_class_uid");
  if (instance.acquisition_date && !instance.acquisition_date->ok()) reject("acquisition_date", "is not a date");
  if (instance.age_years && !(*instance.age_years >= 0 && *instance.age_years <= 150))
    reject("age_years", "must be 0 to 150");
}

void check_embedding(const std::vector<float>& embedding) {
  if (embedding.empty() || embedding.size() > kMostDimensions)
    reject("embedding",
           "must have 1 to " + std::to_string(kMostDimensions) + " values, not " + std::to_string(embedding.size()));
  if (!std::all_of(embedding.begin(), embedding.end(), [](float value) { return std::isfinite(value); }))
    reject("embedding", "holds a value that is not finite");
  if (std::all_of(embedding.begin(), embedding.end(), [](float value) { return value == 0; }))
    reject("embedding", "is all zero, so it has no direction to compare");
}

void check_patches(const PatchTokens& patches) {
  if (patches.rows < 1 || patches.rows > kMostGrid || patches.columns < 1 || patches.columns > kMostGrid)
    reject("patches", "must be a grid of 1 to " + std::to_string(kMostGrid) + " rows and columns");
  if (!std::isfinite(patches.scale) || patches.scale < 0) reject("patches", "must have a finite scale, not negative");
}

void check_result(const ResultRecord& result) {
  check_name(result.model_id, "model_id");
  check_embedding(result.embedding);
  if (result.patches) check_patches(*result.patches);
  for (const float probability : result.finding_probabilities) {
    if (!(probability >= 0 && probability <= 1)) reject("finding_probabilities", "must each be 0 to 1");
  }
  check_text(result.preprocessing_version, "preprocessing_version");
  check_text(result.precision, "precision");
  if (result.quality.size() > kMostQualityNotes)
    reject("quality", "has more than " + std::to_string(kMostQualityNotes) + " notes");
  for (const std::string& note : result.quality) check_name(note, "quality");
  check_text(result.abstained, "abstained");
  check_text(result.abstained_detail, "abstained_detail", kMostReasonBytes);
  if (result.abstained.empty() && !result.abstained_detail.empty()) reject("abstained_detail", "needs a reason");
  for (const float duration : {result.decode_ms, result.prepare_ms, result.infer_ms}) {
    if (!std::isfinite(duration) || duration < 0) reject("a duration", "must be finite and not negative");
  }
}

void check_outcome(const Outcome& outcome) {
  check_name(outcome.model_id, "model_id");
  const bool done = outcome.kind == Outcome::Kind::kDone;
  if (!done || outcome.lease || !outcome.location.server.empty()) check_location(outcome.location);
  if (outcome.kind == Outcome::Kind::kDropped) return;
  if (!done) {
    check_name(outcome.reason_code, "reason_code");
    check_text(outcome.reason, "reason", kMostReasonBytes);
    return;
  }
  check_instance(outcome.instance);
  check_result(outcome.result);
  if (outcome.result.model_id != outcome.model_id) reject("model_id", "of the result is not the outcome's");
}

void check_label_text(const std::string& text, std::string_view field) {
  check_text(text, field, kMostLabelBytes);
  if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
    reject(field, "holds a control character");
}

void check_cursor(const CursorAdvance& cursor) {
  check_name(cursor.server, "server");
  constexpr auto kMost = std::uint64_t(std::numeric_limits<std::int64_t>::max());
  if (cursor.from > kMost || cursor.to > kMost) reject("cursor", "is beyond 2^63");
}

}  // namespace

void check_text(std::string_view text, std::string_view field, std::size_t most_bytes) {
  if (text.size() > most_bytes) reject(field, "is longer than " + std::to_string(most_bytes) + " bytes");
  if (text.find('\0') != std::string_view::npos) reject(field, "holds a NUL character");
  if (!is_utf8(text)) reject(field, "is not UTF-8");
}

void check_name(std::string_view text, std::string_view field) {
  if (text.empty()) reject(field, "is empty");
  check_text(text, field);
}

void check(const ModelRecord& model) {
  check_name(model.model_id, "model_id");
  check_text(model.name, "name");
  if (model.embedding_size == 0 || model.embedding_size > kMostDimensions)
    reject("embedding_size", "must be 1 to " + std::to_string(kMostDimensions));
  if (model.finding_labels.size() > kMostFindings)
    reject("finding_labels", "are more than " + std::to_string(kMostFindings));
  for (const std::string& label : model.finding_labels) check_name(label, "finding_labels");
}

void check(const Batch& batch) {
  for (const Outcome& outcome : batch.outcomes) check_outcome(outcome);
  for (const NewWork& arrival : batch.arrivals) {
    check_location(arrival.location);
    check_name(arrival.model_id, "model_id");
  }
  for (const Location& removal : batch.removals) check_location(removal);
  if (batch.cursor) check_cursor(*batch.cursor);
}

void check(const ClaimRequest& request) {
  check_name(request.model_id, "model_id");
  check_name(request.owner, "owner");
  if (request.lease.count() <= 0) reject("lease", "must be longer than nothing");
  if (request.max_attempts == 0) reject("max_attempts", "must be at least 1");
  check_text(request.server, "server");
}

void check(const LabelSubject& subject) {
  check_name(subject.uid, subject.level == LabelLevel::kStudy ? "study_instance_uid" : "sop_instance_uid");
}

void check(const Labelling& labelling) {
  check(labelling.subject);
  if (labelling.labels.size() > kMostLabels) reject("labels", "are more than " + std::to_string(kMostLabels));
  for (const Label& label : labelling.labels) {
    if (label.name.empty()) reject("a label's name", "is empty");
    check_label_text(label.name, "a label's name");
    check_label_text(label.value, "a label's value");
    check_label_text(label.source, "a label's source");
  }
}

void check_fits(const ResultRecord& result, const ModelRecord& model) {
  if (result.embedding.size() != model.embedding_size)
    reject("embedding", "has " + std::to_string(result.embedding.size()) + " values, its model " +
                            std::to_string(model.embedding_size));
  if (result.patches && result.patches->codes.size() !=
                            std::size_t(result.patches->rows) * result.patches->columns * model.embedding_size)
    reject("patches", "must have a code for each value of each token");
  if (!result.abstained.empty()) {
    if (!result.finding_probabilities.empty()) reject("finding_probabilities", "are given, but the head abstained");
    return;
  }
  if (result.finding_probabilities.size() != model.finding_labels.size())
    reject("finding_probabilities", "are " + std::to_string(result.finding_probabilities.size()) + ", its model has " +
                                        std::to_string(model.finding_labels.size()) + " labels");
}

}  // namespace chexworld
