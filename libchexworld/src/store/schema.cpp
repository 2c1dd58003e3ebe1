// SPDX-License-Identifier: Apache-2.0
//
// Times are milliseconds since 1970 (UTC), dates whole numbers yyyymmdd. docs/store.md explains the tables.
#include "store/schema.h"

#include "base/failure.h"

namespace chexworld {
namespace {

// What is listed here is never changed again; changes are appended.
const std::vector<std::string>& migrations() {
  static const std::vector<std::string> steps{R"sql(
CREATE TABLE models (
  model {id},
  model_id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  embedding_size {integer} NOT NULL,
  finding_labels TEXT NOT NULL,
  added_ms {integer} NOT NULL,
  last_sequence {integer} NOT NULL,
  pruned_sequence {integer} NOT NULL
) {strict};
CREATE TABLE active_model (
  slot {integer} PRIMARY KEY CHECK (slot = 1),
  model {integer} NOT NULL REFERENCES models (model)
) {strict};
CREATE TABLE audit (
  entry {id},
  at_ms {integer} NOT NULL,
  event TEXT NOT NULL,
  model_id TEXT NOT NULL,
  previous_model_id TEXT NOT NULL,
  actor TEXT NOT NULL,
  note TEXT NOT NULL
) {strict};
CREATE TABLE instances (
  instance {id},
  sop_instance_uid TEXT NOT NULL UNIQUE,
  series_instance_uid TEXT NOT NULL,
  study_instance_uid TEXT NOT NULL,
  patient_key TEXT NOT NULL,
  modality_view TEXT NOT NULL,
  sex TEXT NOT NULL,
  institution TEXT NOT NULL,
  device TEXT NOT NULL,
  acquisition_date {integer},
  age_years {real}
) {strict};
CREATE INDEX instances_by_study ON instances (study_instance_uid);
CREATE TABLE locations (
  server TEXT NOT NULL,
  orthanc_instance TEXT NOT NULL,
  instance {integer} NOT NULL REFERENCES instances (instance) ON DELETE CASCADE,
  orthanc_series TEXT NOT NULL,
  orthanc_study TEXT NOT NULL,
  PRIMARY KEY (server, orthanc_instance)
) {strict};
CREATE INDEX locations_by_instance ON locations (instance);
CREATE TABLE results (
  result {id},
  instance {integer} NOT NULL REFERENCES instances (instance) ON DELETE CASCADE,
  model {integer} NOT NULL REFERENCES models (model) ON DELETE CASCADE,
  sequence {integer} NOT NULL,
  embedding {vector} NOT NULL,
  embedding_scale {real} NOT NULL,
  findings {bytes} NOT NULL,
  preprocessing_version TEXT NOT NULL,
  numeric_precision TEXT NOT NULL,
  decode_ms {real} NOT NULL,
  prepare_ms {real} NOT NULL,
  infer_ms {real} NOT NULL,
  stored_ms {integer} NOT NULL,
  UNIQUE (instance, model),
  UNIQUE (model, sequence)
) {strict};
CREATE TABLE tombstones (
  model {integer} NOT NULL REFERENCES models (model) ON DELETE CASCADE,
  sequence {integer} NOT NULL,
  result {integer} NOT NULL,
  PRIMARY KEY (model, sequence)
) {strict};
CREATE TABLE work (
  item {id},
  server TEXT NOT NULL,
  orthanc_instance TEXT NOT NULL,
  orthanc_series TEXT NOT NULL,
  orthanc_study TEXT NOT NULL,
  model {integer} NOT NULL REFERENCES models (model) ON DELETE CASCADE,
  priority {integer} NOT NULL,
  state {integer} NOT NULL,
  attempts {integer} NOT NULL,
  claim {integer} NOT NULL,
  claimed_by TEXT NOT NULL,
  lease_until_ms {integer} NOT NULL,
  not_before_ms {integer} NOT NULL,
  reason_code TEXT NOT NULL,
  reason TEXT NOT NULL,
  failed_ms {integer} NOT NULL,
  UNIQUE (server, orthanc_instance, model)
) {strict};
CREATE INDEX work_due ON work (model, priority, item) WHERE state = 0;
CREATE INDEX work_leased ON work (lease_until_ms) WHERE lease_until_ms > 0;
CREATE INDEX work_troubled ON work (failed_ms) WHERE failed_ms > 0;
CREATE TABLE cursors (
  server TEXT NOT NULL PRIMARY KEY,
  sequence {integer} NOT NULL,
  advanced_ms {integer} NOT NULL
) {strict};
)sql",
                                              R"sql(
CREATE TABLE patch_tokens (
  result {integer} PRIMARY KEY REFERENCES results (result) ON DELETE CASCADE,
  grid_rows {integer} NOT NULL,
  grid_columns {integer} NOT NULL,
  scale {real} NOT NULL,
  codes {bytes} NOT NULL
) {strict};
)sql",
                                              R"sql(
CREATE TABLE labels (
  label {id},
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  code {integer} NOT NULL,
  UNIQUE (name, value)
) {strict};
CREATE TABLE instance_labels (
  instance {integer} NOT NULL REFERENCES instances (instance) ON DELETE CASCADE,
  label {integer} NOT NULL REFERENCES labels (label),
  source TEXT NOT NULL,
  labelled_ms {integer} NOT NULL,
  PRIMARY KEY (instance, label, source)
) {strict};
CREATE INDEX instance_labels_by_label ON instance_labels (label);
CREATE TABLE study_labels (
  study_instance_uid TEXT NOT NULL,
  label {integer} NOT NULL REFERENCES labels (label),
  source TEXT NOT NULL,
  labelled_ms {integer} NOT NULL,
  PRIMARY KEY (study_instance_uid, label, source)
) {strict};
CREATE INDEX study_labels_by_label ON study_labels (label);
)sql",
                                              R"sql(
ALTER TABLE instances ADD COLUMN sop_class_uid TEXT NOT NULL DEFAULT '';
ALTER TABLE results ADD COLUMN quality TEXT NOT NULL DEFAULT '[]';
)sql",
                                              R"sql(
ALTER TABLE results ADD COLUMN abstained TEXT NOT NULL DEFAULT '';
ALTER TABLE results ADD COLUMN abstained_detail TEXT NOT NULL DEFAULT '';
)sql"};
  return steps;
}

std::int64_t schema_of(SqlSession& session) {
  session.script("CREATE TABLE IF NOT EXISTS chexworld_schema (version BIGINT NOT NULL)");
  const SqlRows rows = session.run("SELECT version FROM chexworld_schema");
  if (!rows.empty()) return rows[0].integer(0);
  session.run("INSERT INTO chexworld_schema (version) VALUES (0)");
  return 0;
}

void refuse_newer(std::int64_t version, const std::string& location) {
  if (version <= newest_schema()) return;
  fail(ErrorCode::kUnsupported, "the store " + location + " has schema " + std::to_string(version) +
                                    ", this chexworld knows up to " + std::to_string(newest_schema()) +
                                    ": use the newer chexworld that wrote it");
}

}  // namespace

std::int64_t newest_schema() { return std::int64_t(migrations().size()); }

void migrate_schema(Database& database, bool create) {
  const Dialect& dialect = database.dialect();
  std::int64_t found = -1;  // there is no schema
  database.read([&](SqlSession& session) {
    const bool exists = session.run(dialect.count_schema)[0].integer(0) > 0;
    found = exists ? session.run("SELECT version FROM chexworld_schema").at(0).integer(0) : -1;
  });
  refuse_newer(found, database.location());
  if (found == newest_schema()) return;
  if (found < 0 && !create) fail(ErrorCode::kNotFound, "there is no chexworld store at " + database.location());
  database.write([&](SqlSession& session) {
    if (!dialect.before_migration.empty()) session.script(dialect.before_migration);
    const std::int64_t version = schema_of(session);
    refuse_newer(version, database.location());
    for (std::int64_t step = version; step < newest_schema(); ++step)
      session.script(dialect.expand(migrations()[std::size_t(step)]));
    session.run("UPDATE chexworld_schema SET version = $1", {newest_schema()});
  });
}

const std::vector<Table>& tables() {
  static const std::vector<Table> all{
      {"models",
       {"model", "model_id", "name", "embedding_size", "finding_labels", "added_ms", "last_sequence",
        "pruned_sequence"},
       {"model"},
       true},
      {"active_model", {"slot", "model"}, {"slot"}, false},
      {"audit", {"entry", "at_ms", "event", "model_id", "previous_model_id", "actor", "note"}, {"entry"}, true},
      {"instances",
       {"instance", "sop_instance_uid", "series_instance_uid", "study_instance_uid", "patient_key", "modality_view",
        "sex", "institution", "device", "acquisition_date", "age_years", "sop_class_uid"},
       {"instance"},
       true},
      {"locations",
       {"server", "orthanc_instance", "instance", "orthanc_series", "orthanc_study"},
       {"server", "orthanc_instance"},
       false},
      {"results",
       {"result", "instance", "model", "sequence", "embedding", "embedding_scale", "findings", "preprocessing_version",
        "numeric_precision", "decode_ms", "prepare_ms", "infer_ms", "stored_ms", "quality", "abstained",
        "abstained_detail"},
       {"result"},
       true},
      {"labels", {"label", "name", "value", "code"}, {"label"}, true},
      {"instance_labels", {"instance", "label", "source", "labelled_ms"}, {"instance", "label", "source"}, false},
      {"study_labels",
       {"study_instance_uid", "label", "source", "labelled_ms"},
       {"study_instance_uid", "label", "source"},
       false},
      {"patch_tokens", {"result", "grid_rows", "grid_columns", "scale", "codes"}, {"result"}, false},
      {"tombstones", {"model", "sequence", "result"}, {"model", "sequence"}, false},
      {"work",
       {"item", "server", "orthanc_instance", "orthanc_series", "orthanc_study", "model", "priority", "state",
        "attempts", "claim", "claimed_by", "lease_until_ms", "not_before_ms", "reason_code", "reason", "failed_ms"},
       {"item"},
       true},
      {"cursors", {"server", "sequence", "advanced_ms"}, {"server"}, false},
  };
  return all;
}

}  // namespace chexworld
