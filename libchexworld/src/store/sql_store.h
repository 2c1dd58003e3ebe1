// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store/sql.h"
#include "store/store.h"

namespace chexworld {

/// The store over either database. It holds nothing that changes, so all its methods are thread safe.
class SqlStore final : public Store {
 public:
  SqlStore(std::unique_ptr<Database> database, Clock& clock);

  void add_model(const ModelRecord& model) override;
  std::vector<ModelState> models() override;
  std::optional<std::string> active_model() override;
  void activate_model(const std::string& model_id, const std::string& actor, const std::string& note) override;
  void drop_model(const std::string& model_id, const std::string& actor) override;
  std::vector<AuditEntry> audit(std::uint32_t most) override;

  std::uint64_t cursor(const std::string& server) override;
  CommitReport commit(const Batch& batch) override;
  std::uint64_t enqueue_missing(const std::string& model_id) override;
  std::uint64_t missing(const std::string& model_id) override;
  std::vector<ClaimedWork> claim(const ClaimRequest& request) override;
  bool extend_lease(const Lease& lease, std::chrono::milliseconds duration) override;
  std::vector<Trouble> troubles(std::optional<WorkState> state, std::uint32_t most) override;
  bool retry(std::int64_t work) override;
  bool remove_instance(const std::string& sop_instance_uid) override;

  LabelReport label(std::span<const Labelling> labellings) override;
  std::vector<Label> labels(const LabelSubject& subject) override;
  std::vector<LabelCode> label_codes() override;

  std::optional<InstanceRecord> instance(const std::string& sop_instance_uid) override;
  std::optional<InstanceRecord> instance_at(const std::string& server, const std::string& instance_id) override;
  std::vector<Location> locations(const std::string& sop_instance_uid) override;
  std::vector<std::string> instances_of(const std::string& server, const std::string& after,
                                        std::uint32_t most) override;
  std::optional<StoredResult> result(const std::string& sop_instance_uid, const std::string& model_id) override;
  std::vector<StoredResult> study(const std::string& study_instance_uid, const std::string& model_id) override;
  std::vector<StoredResult> rows(const std::string& model_id, std::span<const std::int64_t> rows) override;
  std::optional<PatchTokens> patch_tokens(const std::string& model_id, std::int64_t row) override;

  ChangePage changes(const std::string& model_id, std::uint64_t sequence, std::uint32_t most) override;
  void prune_tombstones(const std::string& model_id, std::uint64_t sequence) override;

  StoreInfo info() override;
  std::vector<std::string> verify() override;
  void backup(const std::filesystem::path& path) override;

 private:
  std::int64_t now_ms() const;
  SqlRows read(const std::string& sql, std::vector<SqlValue> parameters);

  std::unique_ptr<Database> database_;
  Clock& clock_;
  const std::int64_t clock_offset_ms_;
};

/// A model as known inside one transaction.
struct KnownModel {
  std::int64_t number = 0;
  ModelRecord record;
};

/// Throws Failure(kNotFound).
KnownModel require_model(SqlSession& session, const std::string& model_id);

/// The next change number of a model. The model's row stays locked until the transaction ends, so numbers become
/// visible in their order: whoever has seen one has seen all below.
std::int64_t next_sequence(SqlSession& session, std::int64_t model);

/// What indexes know of an instance has changed, so its results count as changed.
void renumber_results(SqlSession& session, std::int64_t instance);

/// Removes the labels of a study that has no instance left.
void forget_study_if_empty(SqlSession& session, const std::string& study_instance_uid);

/// Label numbers, of one instance.
std::vector<std::int64_t> label_numbers(SqlSession& session, std::int64_t instance);
/// Forgets those of these labels that nothing carries any more.
void forget_unused_labels(SqlSession& session, const std::vector<std::int64_t>& numbers);

/// Deletes an instance with all that belongs to it, leaving a tombstone for each of its results.
void delete_instance(SqlSession& session, std::int64_t instance);

}  // namespace chexworld
