// SPDX-License-Identifier: Apache-2.0
//
// Looking things up.
#include "base/failure.h"
#include "store/rows.h"
#include "store/sql_store.h"
#include "store/validate.h"

#include <cstring>
#include <utility>

namespace chexworld {

std::optional<InstanceRecord> SqlStore::instance(const std::string& sop_instance_uid) {
  check_text(sop_instance_uid, "sop_instance_uid");
  const SqlRows found =
      read("SELECT " + kInstanceColumns + " FROM instances WHERE sop_instance_uid = $1", {sop_instance_uid});
  if (found.empty()) return std::nullopt;
  return instance_from(found[0], 0);
}

std::optional<InstanceRecord> SqlStore::instance_at(const std::string& server, const std::string& instance_id) {
  check_text(server, "server");
  check_text(instance_id, "instance_id");
  const SqlRows found = read("SELECT " + kInstanceColumns +
                                 " FROM instances WHERE instance = (SELECT instance FROM locations WHERE server = $1 "
                                 "AND orthanc_instance = $2)",
                             {server, instance_id});
  if (found.empty()) return std::nullopt;
  return instance_from(found[0], 0);
}

std::vector<Location> SqlStore::locations(const std::string& sop_instance_uid) {
  check_text(sop_instance_uid, "sop_instance_uid");
  std::vector<Location> found;
  for (const SqlRow& row : read("SELECT l.server, l.orthanc_instance, l.orthanc_series, l.orthanc_study FROM locations "
                                "l JOIN instances i ON i.instance = l.instance WHERE i.sop_instance_uid = $1 ORDER BY "
                                "l.server, l.orthanc_instance",
                                {sop_instance_uid}))
    found.push_back({row.text(0), row.text(1), row.text(2), row.text(3)});
  return found;
}

std::vector<std::string> SqlStore::instances_of(const std::string& server, const std::string& after,
                                                std::uint32_t most) {
  check_text(server, "server");
  check_text(after, "after");
  std::vector<std::string> found;
  for (const SqlRow& row :
       read("SELECT orthanc_instance FROM locations WHERE server = $1 AND orthanc_instance > $2 UNION SELECT "
            "orthanc_instance FROM work WHERE server = $1 AND orthanc_instance > $2 ORDER BY orthanc_instance LIMIT $3",
            {server, after, std::int64_t(most)}))
    found.push_back(row.text(0));
  return found;
}

std::optional<StoredResult> SqlStore::result(const std::string& sop_instance_uid, const std::string& model_id) {
  check_text(sop_instance_uid, "sop_instance_uid");
  check_text(model_id, "model_id");
  const SqlRows found =
      read(kSelectResult + "JOIN models m ON m.model = r.model WHERE i.sop_instance_uid = $1 AND m.model_id = $2",
           {sop_instance_uid, model_id});
  if (found.empty()) return std::nullopt;
  return result_from(found[0], model_id);
}

std::vector<StoredResult> SqlStore::study(const std::string& study_instance_uid, const std::string& model_id) {
  check_text(study_instance_uid, "study_instance_uid");
  check_text(model_id, "model_id");
  std::vector<StoredResult> found;
  for (const SqlRow& row : read(kSelectResult + "JOIN models m ON m.model = r.model WHERE i.study_instance_uid = $1 "
                                                "AND m.model_id = $2 ORDER BY i.sop_instance_uid",
                                {study_instance_uid, model_id}))
    found.push_back(result_from(row, model_id));
  return found;
}

std::vector<StoredResult> SqlStore::rows(const std::string& model_id, std::span<const std::int64_t> rows) {
  check_text(model_id, "model_id");
  std::vector<StoredResult> found;
  database_->read([&](SqlSession& session) {
    found.clear();
    for (const std::int64_t number : rows) {
      const SqlRows one =
          session.run(kSelectResult + "JOIN models m ON m.model = r.model WHERE r.result = $1 AND m.model_id = $2",
                      {number, model_id});
      if (!one.empty()) found.push_back(result_from(one[0], model_id));
    }
  });
  return found;
}

std::optional<PatchTokens> SqlStore::patch_tokens(const std::string& model_id, std::int64_t row) {
  check_text(model_id, "model_id");
  const SqlRows found = read(
      "SELECT p.grid_rows, p.grid_columns, p.scale, p.codes, m.embedding_size FROM patch_tokens p JOIN results r ON "
      "r.result = p.result JOIN models m ON m.model = r.model WHERE p.result = $1 AND m.model_id = $2",
      {row, model_id});
  if (found.empty()) return std::nullopt;
  PatchTokens patches{
      std::uint32_t(found[0].integer(0)), std::uint32_t(found[0].integer(1)), float(found[0].real(2)), {}};
  const Bytes& codes = found[0].bytes(3);
  if (codes.size() != std::size_t(patches.rows) * patches.columns * std::size_t(found[0].integer(4)))
    fail(ErrorCode::kMalformed, "the patch tokens of result " + std::to_string(row) + " in the store are damaged");
  patches.codes.resize(codes.size());
  std::memcpy(patches.codes.data(), codes.data(), codes.size());
  return patches;
}

}  // namespace chexworld
