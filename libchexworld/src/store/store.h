// SPDX-License-Identifier: Apache-2.0
//
// Every result, kept once: which model said what about which SOP instance, what is still to be done, what went wrong,
// and how far the change logs have been followed. See docs/store.md.
#pragma once

#include "store/records.h"

#include <filesystem>
#include <memory>
#include <span>

namespace chexworld {

/// Thread safe: any method from any thread. Several processes may use one store at once.
///
/// Every method is one transaction: it happens whole or not at all, and once a changing method has returned, what it
/// did survives a crash of the process, of the database and of the machine. Identical repetition changes nothing.
///
/// Failures (thrown as Failure), besides those named at a method:
///   kInvalidArgument    a record breaks the rules of records.h; nothing was changed
///   kResourceExhausted  the disk is full; nothing was changed, reading goes on, writing works again once there is
///   space kUnavailable        the database cannot be reached, or is locked by another process, longer than the options
///   allow;
///                       nothing was changed
///   kTimeout            a statement took longer than the options allow; nothing was changed
///   kInputOutput        the operating system or the database refused
class Store {
 public:
  virtual ~Store() = default;

  // ---- models ----

  /// Makes a model known; adding the same again changes nothing. kConflict: known with another size or other labels.
  virtual void add_model(const ModelRecord& model) = 0;
  virtual std::vector<ModelState> models() = 0;
  /// The id of the model that answers; nullopt before the first activation.
  virtual std::optional<std::string> active_model() = 0;
  /// Switches to a known model and writes the audit trail; activating the active one changes nothing. What waits for
  /// the model before waits for this one afterwards, unless this one has seen it. kNotFound.
  virtual void activate_model(const std::string& model_id, const std::string& actor, const std::string& note) = 0;
  /// Forgets a model with its results and work; the audit trail stays. kNotFound; kConflict while it is active.
  virtual void drop_model(const std::string& model_id, const std::string& actor) = 0;
  /// Newest first.
  virtual std::vector<AuditEntry> audit(std::uint32_t most) = 0;

  // ---- work ----

  /// The last change of this server that has been taken care of; 0 when it was never followed.
  virtual std::uint64_t cursor(const std::string& server) = 0;
  /// Stores outcomes, queues arrivals, removes what is gone and advances the cursor, together.
  /// A new arrival of an object that was skipped or parked queues it again (it may have been overwritten). A result of
  /// another model than the active one queues its object for that one, unless it has seen it.
  /// kNotFound: an unknown model id. kConflict: the cursor is not at `from` (somebody else follows too).
  virtual CommitReport commit(const Batch& batch) = 0;
  /// Queues every known instance without a result of this model, one item per instance; returns how many. kNotFound.
  virtual std::uint64_t enqueue_missing(const std::string& model_id) = 0;
  /// How many known instances have no result of this model and were not given up either (parked, skipped). kNotFound.
  virtual std::uint64_t missing(const std::string& model_id) = 0;
  /// Takes up to `most` items that are due, arrivals before backfill, oldest first; none is given to two callers before
  /// its lease has expired. kNotFound: an unknown model id.
  virtual std::vector<ClaimedWork> claim(const ClaimRequest& request) = 0;
  /// Starts the lease anew; false when it was lost.
  virtual bool extend_lease(const Lease& lease, std::chrono::milliseconds duration) = 0;
  /// Items that failed or were skipped, newest failure first.
  virtual std::vector<Trouble> troubles(std::optional<WorkState> state, std::uint32_t most) = 0;
  /// Makes an item claimable now, its attempts counted from zero; false when there is none of this name.
  virtual bool retry(std::int64_t work) = 0;
  /// Removes an instance: results under every model, locations, work. Indexes learn of it from changes(), by row number
  /// alone. False when it is not known.
  virtual bool remove_instance(const std::string& sop_instance_uid) = 0;

  // ---- labels ----

  /// Keeps what is said of instances and studies, all together. For a name and source, a subject has one value
  /// afterwards. Identical repetition changes nothing. A label is removed with its instance, a study's with the study's
  /// last instance.
  virtual LabelReport label(std::span<const Labelling> labellings) = 0;
  /// Its own labels (not those of its study), by name, then source. kNotFound: an unknown subject.
  virtual std::vector<Label> labels(const LabelSubject& subject) = 0;
  /// Every name with a value that is in use, by name, then value.
  virtual std::vector<LabelCode> label_codes() = 0;

  // ---- reading ----

  virtual std::optional<InstanceRecord> instance(const std::string& sop_instance_uid) = 0;
  virtual std::optional<InstanceRecord> instance_at(const std::string& server, const std::string& instance_id) = 0;
  virtual std::vector<Location> locations(const std::string& sop_instance_uid) = 0;
  /// Instances that this server is known to hold, or that work is noted for: at most `most` of them, ascending,
  /// those after `after`. Reading on from the last one until a page is empty gives all.
  virtual std::vector<std::string> instances_of(const std::string& server, const std::string& after,
                                                std::uint32_t most) = 0;
  virtual std::optional<StoredResult> result(const std::string& sop_instance_uid, const std::string& model_id) = 0;
  /// All results of a study, by SOP Instance UID.
  virtual std::vector<StoredResult> study(const std::string& study_instance_uid, const std::string& model_id) = 0;
  /// The results of these rows, in this order; rows that are gone (or another model's) are left out.
  virtual std::vector<StoredResult> rows(const std::string& model_id, std::span<const std::int64_t> rows) = 0;

  /// The patch tokens of a row; nullopt where none were stored or the row is gone.
  virtual std::optional<PatchTokens> patch_tokens(const std::string& model_id, std::int64_t row) = 0;

  // ---- for indexes ----

  /// What happened to a model's results after `sequence`, at most `most` steps. A row that changed twice appears once,
  /// with its newest state; what is seen in this order never grows a change behind the reader's back. Reading from 0
  /// until a page is empty gives everything. kNotFound: an unknown model id.
  virtual ChangePage changes(const std::string& model_id, std::uint64_t sequence, std::uint32_t most) = 0;
  /// Forgets deletions up to `sequence`, once every index has seen them. kNotFound.
  virtual void prune_tombstones(const std::string& model_id, std::uint64_t sequence) = 0;

  // ---- care ----

  virtual StoreInfo info() = 0;
  /// Reads everything and says what is wrong, one sentence each; empty: all is well.
  virtual std::vector<std::string> verify() = 0;
  /// Writes a consistent copy while the store is in use: an SQLite store, whatever the backend. The file appears whole
  /// or not at all. kConflict: `path` exists.
  virtual void backup(const std::filesystem::path& path) = 0;
};

struct StoreOptions {
  bool create = true;  ///< false: kNotFound where there is no store
  /// How long to wait for another process's lock (SQLite), or to try again over lost connections (PostgreSQL).
  std::chrono::milliseconds patience{60'000};
  std::chrono::milliseconds statement_timeout{60'000};  ///< PostgreSQL
  Clock* clock = &Clock::system();                      ///< must outlive the store
};

/// Opens the store at `location`, and brings its schema up to date: a connection string for libpq ("postgresql://...",
/// "host=... dbname=..."), or the path of an SQLite file. Throws Failure: kUnsupported (written by a newer chexworld),
/// kMalformed (not a chexworld store), kNotFound, kUnavailable.
std::unique_ptr<Store> open_store(const std::string& location, const StoreOptions& options = {});

/// Copies everything from one store into a new, empty one, across backends; row numbers and sequences stay, so indexes
/// stay valid. The source must be at rest. Throws Failure(kConflict) when the target is not empty; a copy that was
/// interrupted leaves the target empty.
void copy_store(const std::string& from, const std::string& to, const StoreOptions& options = {});

}  // namespace chexworld
