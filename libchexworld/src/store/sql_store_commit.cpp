// SPDX-License-Identifier: Apache-2.0
//
// Everything that must happen together.
#include "base/failure.h"
#include "store/embedding.h"
#include "store/rows.h"
#include "store/sql_store.h"
#include "store/validate.h"

#include <algorithm>
#include <map>

namespace chexworld {
namespace {

/// One commit, inside its transaction.
class Commit {
 public:
  Commit(SqlSession& session, const Dialect& dialect, std::int64_t now_ms)
      : session_(session), dialect_(dialect), now_ms_(now_ms) {}

  CommitReport apply(const Batch& batch) {
    find_active_model(batch);
    for (std::size_t i = 0; i < batch.outcomes.size(); ++i) {
      const bool applied = apply(batch.outcomes[i]);
      applied ? void(++report_.stored) : report_.stale.push_back(i);
    }
    for (const Location& removal : batch.removals) remove(removal);
    for (const NewWork& arrival : batch.arrivals) enqueue(arrival);
    if (batch.cursor) advance(*batch.cursor);
    return report_;
  }

 private:
  void find_active_model(const Batch& batch);
  bool apply(const Outcome& outcome);
  bool end_work(const Outcome& outcome, std::int64_t model);
  bool keep_trouble(const Outcome& outcome, std::int64_t model);
  void store(const Outcome& outcome, const KnownModel& model);
  std::int64_t store_instance(const InstanceRecord& instance);
  void store_location(const Location& location, std::int64_t instance);
  void store_result(const ResultRecord& result, std::int64_t model, std::int64_t instance);
  void store_patches(const std::optional<PatchTokens>& patches, std::int64_t row);
  void queue_for_active_model(const Location& place, std::int64_t model);
  void remove(const Location& location);
  void remove_if_nowhere(std::int64_t instance);
  void enqueue(const NewWork& arrival);
  void advance(const CursorAdvance& cursor);
  const KnownModel& model(const std::string& model_id);

  SqlSession& session_;
  const Dialect& dialect_;
  const std::int64_t now_ms_;
  std::map<std::string, KnownModel> models_;
  std::optional<std::int64_t> active_;
  CommitReport report_;
};

/// Locked until the end: a model activated meanwhile finds our results when it looks for what it lacks.
void Commit::find_active_model(const Batch& batch) {
  const bool any = std::any_of(batch.outcomes.begin(), batch.outcomes.end(),
                               [](const Outcome& outcome) { return outcome.kind == Outcome::Kind::kDone; });
  if (!any) return;
  const SqlRows found = session_.run(dialect_.expand("SELECT model FROM active_model {for_share}"));
  if (!found.empty()) active_ = found[0].integer(0);
}

const KnownModel& Commit::model(const std::string& model_id) {
  const auto found = models_.find(model_id);
  if (found != models_.end()) return found->second;
  return models_.emplace(model_id, require_model(session_, model_id)).first->second;
}

bool Commit::apply(const Outcome& outcome) {
  const KnownModel& known = model(outcome.model_id);
  if (outcome.kind == Outcome::Kind::kDropped) return end_work(outcome, known.number);
  if (outcome.kind != Outcome::Kind::kDone) return keep_trouble(outcome, known.number);
  check_fits(outcome.result, known.record);
  if (!end_work(outcome, known.number)) return false;
  store(outcome, known);
  return true;
}

/// Takes the item out of the queue; false when the lease was lost.
bool Commit::end_work(const Outcome& outcome, std::int64_t model) {
  if (outcome.lease)
    return !session_
                .run("DELETE FROM work WHERE item = $1 AND claim = $2 AND lease_until_ms > 0 RETURNING item",
                     {outcome.lease->work, outcome.lease->claim})
                .empty();
  session_.run("DELETE FROM work WHERE server = $1 AND orthanc_instance = $2 AND model = $3",
               {outcome.location.server, outcome.location.instance_id, model});
  return true;
}

bool Commit::keep_trouble(const Outcome& outcome, std::int64_t model) {
  const bool again = outcome.kind == Outcome::Kind::kRetry;
  const auto state = std::int64_t(again                                     ? WorkState::kQueued
                                  : outcome.kind == Outcome::Kind::kSkipped ? WorkState::kSkipped
                                                                            : WorkState::kParked);
  const std::int64_t not_before = again && outcome.retry_at ? to_ms(*outcome.retry_at) : 0;
  if (outcome.lease)
    return !session_
                .run(
                    "UPDATE work SET state = $3, lease_until_ms = 0, not_before_ms = $4, reason_code = $5, reason = "
                    "$6, failed_ms = $7 WHERE item = $1 AND claim = $2 AND lease_until_ms > 0 RETURNING item",
                    {outcome.lease->work, outcome.lease->claim, state, not_before, outcome.reason_code, outcome.reason,
                     now_ms_})
                .empty();
  const Location& place = outcome.location;
  session_.run(
      "INSERT INTO work (server, orthanc_instance, orthanc_series, orthanc_study, model, priority, state, attempts, "
      "claim, claimed_by, lease_until_ms, not_before_ms, reason_code, reason, failed_ms) VALUES ($1, $2, $3, $4, $5, "
      "0, $6, 1, 0, '', 0, $7, $8, $9, $10) ON CONFLICT (server, orthanc_instance, model) DO UPDATE SET state = "
      "excluded.state, attempts = work.attempts + 1, claim = work.claim + 1, lease_until_ms = 0, not_before_ms = "
      "excluded.not_before_ms, reason_code = excluded.reason_code, reason = excluded.reason, failed_ms = "
      "excluded.failed_ms",
      {place.server, place.instance_id, place.series_id, place.study_id, model, state, not_before, outcome.reason_code,
       outcome.reason, now_ms_});
  return true;
}

void Commit::store(const Outcome& outcome, const KnownModel& known) {
  const std::int64_t instance = store_instance(outcome.instance);
  if (!outcome.location.server.empty()) store_location(outcome.location, instance);
  store_result(outcome.result, known.number, instance);
  queue_for_active_model(outcome.location, known.number);
}

/// A result that was under way while another model took over: that one has not seen the object.
void Commit::queue_for_active_model(const Location& place, std::int64_t model) {
  if (!active_ || *active_ == model || place.server.empty()) return;
  session_.run(
      kQueueSecondLook +
          "AND l.server = $2 AND l.orthanc_instance = $3 ON CONFLICT (server, orthanc_instance, model) DO NOTHING",
      {*active_, place.server, place.instance_id});
}

std::int64_t Commit::store_instance(const InstanceRecord& instance) {
  const SqlRows known =
      session_.run("SELECT instance, " + kInstanceColumns + " FROM instances WHERE sop_instance_uid = $1",
                   {instance.sop_instance_uid});
  const InstanceRecord before = known.empty() ? instance : instance_from(known[0], 1);
  if (!known.empty() && before == instance) return known[0].integer(0);
  const std::int64_t number =
      session_
          .run("INSERT INTO instances (" + kInstanceColumns +
                   ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (sop_instance_uid) DO UPDATE "
                   "SET "
                   "series_instance_uid = excluded.series_instance_uid, study_instance_uid = "
                   "excluded.study_instance_uid, patient_key = excluded.patient_key, modality_view = "
                   "excluded.modality_view, sex = excluded.sex, institution = excluded.institution, device = "
                   "excluded.device, acquisition_date = excluded.acquisition_date, age_years = excluded.age_years, "
                   "sop_class_uid = excluded.sop_class_uid RETURNING instance",
               values_of(instance))
          .at(0)
          .integer(0);
  renumber_results(session_, number);
  if (before.study_instance_uid != instance.study_instance_uid)
    forget_study_if_empty(session_, before.study_instance_uid);
  return number;
}

void Commit::store_location(const Location& place, std::int64_t instance) {
  const SqlRows before = session_.run("SELECT instance FROM locations WHERE server = $1 AND orthanc_instance = $2",
                                      {place.server, place.instance_id});
  session_.run(
      "INSERT INTO locations (server, orthanc_instance, instance, orthanc_series, orthanc_study) VALUES ($1, $2, $3, "
      "$4, $5) ON CONFLICT (server, orthanc_instance) DO UPDATE SET instance = excluded.instance, orthanc_series = "
      "excluded.orthanc_series, orthanc_study = excluded.orthanc_study",
      {place.server, place.instance_id, instance, place.series_id, place.study_id});
  if (!before.empty() && before[0].integer(0) != instance) remove_if_nowhere(before[0].integer(0));
}

void Commit::store_result(const ResultRecord& result, std::int64_t model, std::int64_t instance) {
  const EncodedEmbedding embedding = encode_embedding(result.embedding);
  const Bytes findings = encode_floats(result.finding_probabilities);
  const std::string quality = texts_as_json(result.quality);
  const SqlRows known = session_.run(
      "SELECT embedding, embedding_scale, findings, preprocessing_version, numeric_precision, quality, "
      "abstained, abstained_detail, result FROM results WHERE instance = $1 AND model = $2",
      {instance, model});
  const std::vector<SqlValue> content{embedding.bytes,  embedding.scale, findings,         result.preprocessing_version,
                                      result.precision, quality,         result.abstained, result.abstained_detail};
  if (!known.empty() && std::equal(content.begin(), content.end(), known[0].values().begin())) {
    if (result.patches) store_patches(result.patches, known[0].integer(content.size()));
    return;
  }
  const SqlRows stored = session_.run(
      dialect_.expand(
          "INSERT INTO results (instance, model, sequence, embedding, embedding_scale, findings, "
          "preprocessing_version, numeric_precision, decode_ms, prepare_ms, infer_ms, stored_ms, quality, abstained, "
          "abstained_detail) VALUES ($1, $2, $3, $4{as_vector}, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON "
          "CONFLICT (instance, model) DO UPDATE SET sequence = "
          "excluded.sequence, embedding = excluded.embedding, embedding_scale = excluded.embedding_scale, findings = "
          "excluded.findings, preprocessing_version = excluded.preprocessing_version, numeric_precision = "
          "excluded.numeric_precision, decode_ms = excluded.decode_ms, prepare_ms = excluded.prepare_ms, infer_ms = "
          "excluded.infer_ms, stored_ms = excluded.stored_ms, quality = excluded.quality, abstained = "
          "excluded.abstained, abstained_detail = excluded.abstained_detail RETURNING result"),
      {instance, model, next_sequence(session_, model), embedding.bytes, embedding.scale, findings,
       result.preprocessing_version, result.precision, double(result.decode_ms), double(result.prepare_ms),
       double(result.infer_ms), now_ms_, quality, result.abstained, result.abstained_detail});
  store_patches(result.patches, stored.at(0).integer(0));
}

void Commit::store_patches(const std::optional<PatchTokens>& patches, std::int64_t row) {
  session_.run("DELETE FROM patch_tokens WHERE result = $1", {row});
  if (!patches) return;
  const auto codes = std::as_bytes(std::span(patches->codes));
  session_.run("INSERT INTO patch_tokens (result, grid_rows, grid_columns, scale, codes) VALUES ($1, $2, $3, $4, $5)",
               {row, std::int64_t(patches->rows), std::int64_t(patches->columns), double(patches->scale),
                Bytes(codes.begin(), codes.end())});
}

void Commit::remove(const Location& place) {
  session_.run("DELETE FROM work WHERE server = $1 AND orthanc_instance = $2", {place.server, place.instance_id});
  const SqlRows removed =
      session_.run("DELETE FROM locations WHERE server = $1 AND orthanc_instance = $2 RETURNING instance",
                   {place.server, place.instance_id});
  if (!removed.empty()) remove_if_nowhere(removed[0].integer(0));
}

void Commit::remove_if_nowhere(std::int64_t instance) {
  // Locked first: a location that somebody else is adding right now is waited for and then seen.
  session_.run(dialect_.expand("SELECT instance FROM instances WHERE instance = $1 {for_update}"), {instance});
  if (session_.run("SELECT count(*) FROM locations WHERE instance = $1", {instance})[0].integer(0) > 0) return;
  delete_instance(session_, instance);
  ++report_.removed;
}

void Commit::enqueue(const NewWork& arrival) {
  const Location& place = arrival.location;
  // An item that was tried before starts anew, and a worker busy with the old content loses its lease.
  report_.enqueued += std::uint32_t(
      session_
          .run("INSERT INTO work (server, orthanc_instance, orthanc_series, orthanc_study, model, priority, state, "
               "attempts, claim, claimed_by, lease_until_ms, not_before_ms, reason_code, reason, failed_ms) VALUES "
               "($1, $2, $3, $4, $5, $6, 0, 0, 0, '', 0, 0, '', '', 0) ON CONFLICT (server, orthanc_instance, model) "
               "DO UPDATE SET priority = excluded.priority, state = 0, attempts = 0, claim = work.claim + 1, "
               "lease_until_ms = 0, not_before_ms = 0, reason_code = '', reason = '', failed_ms = 0 WHERE work.state "
               "<> 0 OR work.attempts > 0 OR work.priority > excluded.priority RETURNING item",
               {place.server, place.instance_id, place.series_id, place.study_id, model(arrival.model_id).number,
                std::int64_t(arrival.priority)})
          .size());
}

void Commit::advance(const CursorAdvance& cursor) {
  const auto from = std::int64_t(cursor.from);
  const auto to = std::int64_t(cursor.to);
  const SqlRows advanced =
      from == 0 ? session_.run(
                      "INSERT INTO cursors (server, sequence, advanced_ms) VALUES ($1, $2, $3) ON CONFLICT "
                      "(server) DO UPDATE SET sequence = excluded.sequence, advanced_ms = "
                      "excluded.advanced_ms WHERE cursors.sequence = 0 RETURNING sequence",
                      {cursor.server, to, now_ms_})
                : session_.run(
                      "UPDATE cursors SET sequence = $2, advanced_ms = $3 WHERE server = $1 AND sequence = $4 "
                      "RETURNING sequence",
                      {cursor.server, to, now_ms_, from});
  if (advanced.empty())
    fail(ErrorCode::kConflict, "the change-log cursor of server " + cursor.server + " is not at " +
                                   std::to_string(from) + " any more: somebody else follows it too; read it again");
}

}  // namespace

void renumber_results(SqlSession& session, std::int64_t instance) {
  for (const SqlRow& row :
       session.run("SELECT result, model FROM results WHERE instance = $1 ORDER BY model", {instance}))
    session.run("UPDATE results SET sequence = $2 WHERE result = $1",
                {row.integer(0), next_sequence(session, row.integer(1))});
}

void delete_instance(SqlSession& session, std::int64_t instance) {
  const SqlRows found = session.run("SELECT study_instance_uid FROM instances WHERE instance = $1", {instance});
  if (found.empty()) return;
  const std::vector<std::int64_t> labels = label_numbers(session, instance);
  for (const SqlRow& row :
       session.run("SELECT server, orthanc_instance FROM locations WHERE instance = $1", {instance}))
    session.run("DELETE FROM work WHERE server = $1 AND orthanc_instance = $2", {row.text(0), row.text(1)});
  for (const SqlRow& row :
       session.run("SELECT result, model FROM results WHERE instance = $1 ORDER BY model", {instance}))
    session.run("INSERT INTO tombstones (model, sequence, result) VALUES ($1, $2, $3)",
                {row.integer(1), next_sequence(session, row.integer(1)), row.integer(0)});
  session.run("DELETE FROM instances WHERE instance = $1", {instance});
  forget_unused_labels(session, labels);
  forget_study_if_empty(session, found[0].text(0));
}

CommitReport SqlStore::commit(const Batch& batch) {
  check(batch);
  CommitReport report;
  database_->write([&](SqlSession& session) { report = Commit(session, database_->dialect(), now_ms()).apply(batch); });
  return report;
}

bool SqlStore::remove_instance(const std::string& sop_instance_uid) {
  check_name(sop_instance_uid, "sop_instance_uid");
  bool known = false;
  database_->write([&](SqlSession& session) {
    const SqlRows found = session.run("SELECT instance FROM instances WHERE sop_instance_uid = $1", {sop_instance_uid});
    known = !found.empty();
    if (known) delete_instance(session, found[0].integer(0));
  });
  return known;
}

}  // namespace chexworld
