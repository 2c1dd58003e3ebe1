// SPDX-License-Identifier: Apache-2.0
//
// Models, their audit trail, and what indexes need.
#include "store/sql_store.h"

#include "base/failure.h"
#include "store/rows.h"
#include "store/validate.h"

#include <algorithm>

namespace chexworld {
namespace {

void write_audit(SqlSession& session, const AuditEntry& entry) {
  session.run(
      "INSERT INTO audit (at_ms, event, model_id, previous_model_id, actor, note) VALUES ($1, $2, $3, $4, $5, $6)",
      {to_ms(entry.at), entry.event, entry.model_id, entry.previous_model_id, entry.actor, entry.note});
}

std::optional<std::string> active_model_in(SqlSession& session) {
  const SqlRows rows = session.run("SELECT m.model_id FROM active_model a JOIN models m ON m.model = a.model");
  if (rows.empty()) return std::nullopt;
  return rows[0].text(0);
}

/// True when the model was not known. Throws kConflict where it was, but different.
bool insert_model(SqlSession& session, const ModelRecord& model, std::int64_t now_ms) {
  const SqlRows inserted = session.run(
      "INSERT INTO models (model_id, name, embedding_size, finding_labels, added_ms, last_sequence, pruned_sequence) "
      "VALUES ($1, $2, $3, $4, $5, 0, 0) ON CONFLICT (model_id) DO NOTHING RETURNING model",
      {model.model_id, model.name, std::int64_t(model.embedding_size), texts_as_json(model.finding_labels), now_ms});
  if (!inserted.empty()) return true;
  const ModelRecord known = require_model(session, model.model_id).record;
  if (known.embedding_size != model.embedding_size || known.finding_labels != model.finding_labels)
    fail(ErrorCode::kConflict,
         "model " + model.model_id + " is in the store with another embedding size or other finding labels");
  return false;
}

/// What waits for the model before, or is in somebody's hands, waits for the next: an arrival whoever has seen it, a
/// second look only where the next has not looked yet. Claims stay as they are.
void move_queue(SqlSession& session, std::int64_t before, std::int64_t next) {
  // A new arrival of an object that the next model gave up is another try, as in Commit::enqueue.
  session.run(
      "DELETE FROM work WHERE model = $2 AND state <> 0 AND EXISTS (SELECT 1 FROM work w WHERE w.model = $1 AND "
      "w.server = work.server AND w.orthanc_instance = work.orthanc_instance AND w.state = 0 AND w.priority = 0)",
      {before, next});
  session.run(
      "UPDATE work SET model = $2 WHERE model = $1 AND state = 0 AND NOT EXISTS (SELECT 1 FROM work w WHERE w.model = "
      "$2 AND w.server = work.server AND w.orthanc_instance = work.orthanc_instance) AND (priority = 0 OR NOT EXISTS "
      "(SELECT 1 FROM locations l JOIN results r ON r.instance = l.instance WHERE l.server = work.server AND "
      "l.orthanc_instance = work.orthanc_instance AND r.model = $2))",
      {before, next});
}

std::uint64_t count(SqlSession& session, const std::string& sql, std::int64_t model) {
  return std::uint64_t(session.run(sql, {model})[0].integer(0));
}

ModelState state_of(SqlSession& session, const SqlRow& row) {
  const std::int64_t model = row.integer(0);
  ModelState state;
  state.model = model_from(row, 1);
  state.last_sequence = std::uint64_t(row.integer(5));
  state.active = row.integer(6) > 0;
  state.results = count(session, "SELECT count(*) FROM results WHERE model = $1", model);
  state.queued = count(session, "SELECT count(*) FROM work WHERE model = $1 AND state = 0", model);
  state.parked = count(session, "SELECT count(*) FROM work WHERE model = $1 AND state = 1", model);
  state.skipped = count(session, "SELECT count(*) FROM work WHERE model = $1 AND state = 2", model);
  return state;
}

std::vector<ModelState> models_in(SqlSession& session) {
  std::vector<ModelState> states;
  for (const SqlRow& row :
       session.run("SELECT m.model, m.model_id, m.name, m.embedding_size, m.finding_labels, m.last_sequence, "
                   "(SELECT count(*) FROM active_model a WHERE a.model = m.model) FROM models m ORDER BY m.model"))
    states.push_back(state_of(session, row));
  return states;
}

/// Live rows and tombstones, both ascending, as one history of at most `most` steps.
std::vector<Change> merged(std::vector<Change> live, std::vector<Change> deleted, std::size_t most) {
  std::vector<Change> all;
  std::merge(std::make_move_iterator(live.begin()), std::make_move_iterator(live.end()),
             std::make_move_iterator(deleted.begin()), std::make_move_iterator(deleted.end()), std::back_inserter(all),
             [](const Change& a, const Change& b) { return a.sequence < b.sequence; });
  if (all.size() > most) all.resize(most);
  return all;
}

}  // namespace

SqlStore::SqlStore(std::unique_ptr<Database> database, Clock& clock)
    : database_(std::move(database)), clock_(clock), clock_offset_ms_(database_->clock_offset_ms()) {}

std::int64_t SqlStore::now_ms() const { return std::max<std::int64_t>(1, to_ms(clock_.wall()) + clock_offset_ms_); }

SqlRows SqlStore::read(const std::string& sql, std::vector<SqlValue> parameters) {
  SqlRows rows;
  database_->read([&](SqlSession& session) { rows = session.run(sql, parameters); });
  return rows;
}

KnownModel require_model(SqlSession& session, const std::string& model_id) {
  const SqlRows rows = session.run(
      "SELECT model, model_id, name, embedding_size, finding_labels FROM models WHERE model_id = $1", {model_id});
  if (rows.empty()) fail(ErrorCode::kNotFound, "the store knows no model " + model_id);
  return {rows[0].integer(0), model_from(rows[0], 1)};
}

std::int64_t next_sequence(SqlSession& session, std::int64_t model) {
  const SqlRows rows = session.run(
      "UPDATE models SET last_sequence = last_sequence + 1 WHERE model = $1 RETURNING last_sequence", {model});
  if (rows.empty()) fail(ErrorCode::kNotFound, "the model was dropped from the store meanwhile");
  return rows[0].integer(0);
}

void SqlStore::add_model(const ModelRecord& model) {
  check(model);
  database_->write([&](SqlSession& session) {
    if (insert_model(session, model, now_ms()))
      write_audit(session, {from_ms(now_ms()), "added", model.model_id, "", "", ""});
  });
}

std::vector<ModelState> SqlStore::models() {
  std::vector<ModelState> states;
  database_->read([&](SqlSession& session) { states = models_in(session); });
  return states;
}

std::optional<std::string> SqlStore::active_model() {
  std::optional<std::string> active;
  database_->read([&](SqlSession& session) { active = active_model_in(session); });
  return active;
}

void SqlStore::activate_model(const std::string& model_id, const std::string& actor, const std::string& note) {
  check_name(model_id, "model_id");
  check_text(actor, "actor");
  check_text(note, "note", 1024);
  database_->write([&](SqlSession& session) {
    const std::int64_t model = require_model(session, model_id).number;
    const std::string previous = active_model_in(session).value_or("");
    if (previous == model_id) return;
    session.run(
        "INSERT INTO active_model (slot, model) VALUES (1, $1) ON CONFLICT (slot) DO UPDATE SET model = "
        "excluded.model",
        {model});
    if (!previous.empty()) move_queue(session, require_model(session, previous).number, model);
    write_audit(session, {from_ms(now_ms()), "activated", model_id, previous, actor, note});
  });
}

void SqlStore::drop_model(const std::string& model_id, const std::string& actor) {
  check_name(model_id, "model_id");
  check_text(actor, "actor");
  database_->write([&](SqlSession& session) {
    const std::int64_t model = require_model(session, model_id).number;
    if (active_model_in(session) == model_id)
      fail(ErrorCode::kConflict, "model " + model_id + " is active: activate another one, then drop it");
    session.run("DELETE FROM models WHERE model = $1", {model});
    write_audit(session, {from_ms(now_ms()), "dropped", model_id, "", actor, ""});
  });
}

std::vector<AuditEntry> SqlStore::audit(std::uint32_t most) {
  std::vector<AuditEntry> entries;
  for (const SqlRow& row : read("SELECT at_ms, event, model_id, previous_model_id, actor, note FROM audit ORDER BY "
                                "entry DESC LIMIT $1",
                                {std::int64_t(most)}))
    entries.push_back({from_ms(row.integer(0)), row.text(1), row.text(2), row.text(3), row.text(4), row.text(5)});
  return entries;
}

ChangePage SqlStore::changes(const std::string& model_id, std::uint64_t sequence, std::uint32_t most) {
  check_name(model_id, "model_id");
  const auto after = std::int64_t(std::min(sequence, std::uint64_t(INT64_MAX)));
  ChangePage page;
  database_->read([&](SqlSession& session) {
    const std::int64_t model = require_model(session, model_id).number;
    const SqlRow state =
        session.run("SELECT last_sequence, pruned_sequence FROM models WHERE model = $1", {model}).at(0);
    page.last_sequence = std::uint64_t(state.integer(0));
    page.must_rebuild = after != 0 && after < state.integer(1);
    std::vector<Change> live;
    for (const SqlRow& row :
         session.run(kSelectResult + "WHERE r.model = $1 AND r.sequence > $2 ORDER BY r.sequence LIMIT $3",
                     {model, after, std::int64_t(most)})) {
      StoredResult stored = result_from(row, model_id);
      live.push_back({stored.sequence, stored.row, std::move(stored)});
    }
    std::vector<Change> deleted;
    for (const SqlRow& row : session.run("SELECT sequence, result FROM tombstones WHERE model = $1 AND sequence > $2 "
                                         "ORDER BY sequence LIMIT $3",
                                         {model, after, std::int64_t(most)}))
      deleted.push_back({std::uint64_t(row.integer(0)), row.integer(1), std::nullopt});
    page.changes = merged(std::move(live), std::move(deleted), most);
  });
  return page;
}

void SqlStore::prune_tombstones(const std::string& model_id, std::uint64_t sequence) {
  check_name(model_id, "model_id");
  database_->write([&](SqlSession& session) {
    const std::int64_t model = require_model(session, model_id).number;
    const SqlRow state =
        session.run("SELECT last_sequence, pruned_sequence FROM models WHERE model = $1", {model}).at(0);
    const auto wanted = std::int64_t(std::min(sequence, std::uint64_t(state.integer(0))));
    session.run("DELETE FROM tombstones WHERE model = $1 AND sequence <= $2", {model, wanted});
    session.run("UPDATE models SET pruned_sequence = $2 WHERE model = $1", {model, std::max(wanted, state.integer(1))});
  });
}

StoreInfo SqlStore::info() {
  StoreInfo info;
  database_->read([&](SqlSession& session) {
    info.schema_version = session.run("SELECT version FROM chexworld_schema").at(0).integer(0);
    info.instances = std::uint64_t(session.run("SELECT count(*) FROM instances")[0].integer(0));
    info.studies = std::uint64_t(session.run("SELECT count(DISTINCT study_instance_uid) FROM instances")[0].integer(0));
    info.labels = std::uint64_t(
        session.run("SELECT (SELECT count(*) FROM instance_labels) + (SELECT count(*) FROM study_labels)")[0].integer(
            0));
    info.models = models_in(session);
  });
  info.backend = database_->dialect().backend;
  info.location = database_->location();
  info.size_bytes = database_->size_bytes();
  return info;
}

}  // namespace chexworld
