// SPDX-License-Identifier: Apache-2.0
//
// What the store keeps. Plain values; there is no field for a patient's name, id, birth date or accession number.
//
// Texts are UTF-8 without NUL, at most 256 bytes (reasons: 1024); the store refuses others by naming the field, never
// its content.
#pragma once

#include "base/clock.h"

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace chexworld {

/// A set of weights. `model_id` is the SHA-256 of its bundle.
struct ModelRecord {
  std::string model_id;
  std::string name;
  std::uint32_t embedding_size = 0;         ///< D, 1 to 16000
  std::vector<std::string> finding_labels;  ///< K labels, in the order of ResultRecord::finding_probabilities
  friend bool operator==(const ModelRecord&, const ModelRecord&) = default;
};

/// One SOP instance, as far as searching needs to know it. Empty text or nullopt: not known.
struct InstanceRecord {
  std::string sop_instance_uid;
  std::string series_instance_uid;
  std::string study_instance_uid;
  std::string patient_key;  ///< a pseudonym: keyed hash, equal for studies of one patient
  std::string view;         ///< "PA", "AP", "LL", ...
  std::string sex;          ///< "M", "F", "O"
  std::string institution;
  std::string device;
  std::optional<std::chrono::year_month_day> acquisition_date;
  std::optional<double> age_years;  ///< 0 to 150
  std::string sop_class_uid;        ///< what a reference to it must name
  friend bool operator==(const InstanceRecord&, const InstanceRecord&) = default;
};

/// Where one copy of an instance lies. `server` is Orthanc's DatabaseServerIdentifier, or a name of the caller's own.
struct Location {
  std::string server;
  std::string instance_id;  ///< Orthanc's; unique within the server
  std::string series_id;    ///< Orthanc's; may be empty
  std::string study_id;     ///< Orthanc's; may be empty
  friend bool operator==(const Location&, const Location&) = default;
};

/// The patch tokens of one image in 8 bits, for searching by region: token = scale * code. N * D bytes, so 147 kB for
/// 196 tokens of 768; kept only where somebody asks for it.
struct PatchTokens {
  std::uint32_t rows = 0;          ///< of the grid of patches, 1 to 256
  std::uint32_t columns = 0;       ///< 1 to 256
  float scale = 0;                 ///< largest absolute value / 127
  std::vector<std::int8_t> codes;  ///< i8[rows * columns, D], patches row by row
  friend bool operator==(const PatchTokens&, const PatchTokens&) = default;
};

/// tokens: f32[rows * columns, D], finite.
PatchTokens encode_patches(std::span<const float> tokens, std::uint32_t rows, std::uint32_t columns);

/// What one model said about one instance.
struct ResultRecord {
  std::string model_id;
  /// f32[D], finite, not all zero. Kept as f16 with a power of two as common scale: each element returns with an error
  /// of at most 2^-11 of itself (elements below 2^-14 of the largest: 2^-25 of the largest).
  std::vector<float> embedding;
  std::vector<float> finding_probabilities;  ///< f32[K], each 0 to 1; empty where the head abstained
  std::string preprocessing_version;
  std::string precision;  ///< "f32", "bf16", "int8"
  float decode_ms = 0;
  float prepare_ms = 0;
  float infer_ms = 0;
  std::vector<std::string> quality = {};  ///< names of QualityNotes: what may be wrong with the picture
  std::string abstained = {};             ///< why the head gives no answer ("view-outside"); empty: it does
  std::string abstained_detail = {};      ///< the same as a clause for people; only with a reason
  /// Optional when stored; not read back with the result: Store::patch_tokens. Replacing a result without them drops
  /// those of before.
  std::optional<PatchTokens> patches = {};
  friend bool operator==(const ResultRecord&, const ResultRecord&) = default;
};

// ---- work --------------------------------------------------------------------------------------------

enum class Priority : std::int64_t { kArrival = 0, kBackfill = 1 };

/// "This model should look at this object." At most one item per (server, instance id, model).
struct NewWork {
  Location location;
  std::string model_id;
  Priority priority = Priority::kArrival;
};

/// A worker's right to an item until it expires. A later claim of the same item makes it worthless.
struct Lease {
  std::int64_t work = 0;
  std::int64_t claim = 0;
  friend bool operator==(const Lease&, const Lease&) = default;
};

struct ClaimRequest {
  std::string model_id;
  std::string owner;       ///< who works, for people to read
  std::uint32_t most = 1;  ///< items at once
  std::chrono::milliseconds lease{60'000};
  std::uint32_t max_attempts = 5;        ///< an item whose worker died this often is parked as "worker-died"
  Priority least = Priority::kBackfill;  ///< kArrival: leaves what is queued as backfill alone
  std::string server = {};               ///< only what lies there; empty: anywhere
};

struct ClaimedWork {
  Lease lease;
  Location location;
  Priority priority = Priority::kArrival;
  std::uint32_t attempts = 0;  ///< this one included
};

/// What became of one object.
struct Outcome {
  enum class Kind {
    kDone,     ///< `instance` and `result` are stored, the item leaves the queue
    kRetry,    ///< failed; claimable again at `retry_at`
    kParked,   ///< failed for good; listed until somebody retries it
    kSkipped,  ///< nothing to do (not a chest radiograph, ...): kept with its reason, not retried
    kDropped,  ///< nothing to do and nothing to tell (our own results): the item leaves the queue without a trace
  };
  Kind kind = Kind::kDone;
  std::optional<Lease> lease;  ///< of the claim; nullopt: it was not claimed (handed to the worker directly)
  Location location;           ///< without a server, the instance is stored without a location
  std::string model_id;
  InstanceRecord instance;                  ///< kDone
  ResultRecord result;                      ///< kDone
  std::string reason_code;                  ///< else, but for kDropped; stable, kebab-case
  std::string reason;                       ///< else; a sentence without anything personal
  std::optional<Clock::WallTime> retry_at;  ///< kRetry; nullopt: at once
};

enum class WorkState : std::int64_t { kQueued = 0, kParked = 1, kSkipped = 2 };

/// An item that did not simply succeed.
struct Trouble {
  std::int64_t work = 0;  ///< names it for Store::retry
  Location location;
  std::string model_id;
  WorkState state = WorkState::kQueued;  ///< kQueued: will be tried again
  std::uint32_t attempts = 0;
  std::string reason_code;
  std::string reason;
  Clock::WallTime next_try;   ///< of a queued one
  Clock::WallTime failed_at;  ///< last time
};

/// The follower's place in the change log of one Orthanc database.
struct CursorAdvance {
  std::string server;      ///< DatabaseServerIdentifier
  std::uint64_t from = 0;  ///< what the caller found; 0 when there was none
  std::uint64_t to = 0;
};

/// Everything that must happen together.
struct Batch {
  std::vector<Outcome> outcomes;
  std::vector<NewWork> arrivals;
  std::vector<Location> removals;  ///< copies that are gone; `server` and `instance_id` count
  std::optional<CursorAdvance> cursor;
};

struct CommitReport {
  std::uint32_t stored = 0;  ///< outcomes applied
  /// Places in Batch::outcomes whose lease was lost: the object was removed, or somebody else has it. Nothing of them
  /// was stored.
  std::vector<std::size_t> stale;
  std::uint32_t enqueued = 0;  ///< arrivals that were not in the queue yet
  std::uint32_t removed = 0;   ///< instances whose last copy went
};

// ---- labels ------------------------------------------------------------------------------------------

/// What somebody, not a model, says about an image or about all images of a study: "pneumonia" = "yes". Categories, not
/// prose: each text is at most 64 bytes and holds no control characters.
struct Label {
  std::string name;
  std::string value;   ///< may be empty
  std::string source;  ///< where it is from ("report", "reader 2", a file's name); may be empty
  friend auto operator<=>(const Label&, const Label&) = default;
};

enum class LabelLevel { kInstance, kStudy };

/// Whose label it is. Those of a study hold for all its images, later ones included.
struct LabelSubject {
  LabelLevel level = LabelLevel::kInstance;
  std::string uid;  ///< SOP Instance UID or Study Instance UID
};

struct Labelling {
  LabelSubject subject;
  std::vector<Label> labels;  ///< of equal name and source the last one counts
  bool replace = false;       ///< labels of the subject that are not among these are removed
};

struct LabelReport {
  std::uint64_t changed = 0;         ///< subjects
  std::vector<std::size_t> unknown;  ///< places of subjects that the store does not know; nothing was kept of them
};

/// A name with a value, in use: what an index filters by. Rare ones beyond the first 63 share the last code.
struct LabelCode {
  static constexpr std::uint8_t kShared = 63;
  std::string name;
  std::string value;
  std::uint8_t code = 0;  ///< 0 to 63
  friend bool operator==(const LabelCode&, const LabelCode&) = default;
};

/// A label as it comes with a result.
struct StoredLabel {
  Label label;
  LabelLevel level = LabelLevel::kInstance;
  std::uint8_t code = 0;  ///< LabelCode::code
  friend bool operator==(const StoredLabel&, const StoredLabel&) = default;
};

// ---- results -----------------------------------------------------------------------------------------

/// A result as kept. `row` names it in indexes: never reused, unchanged when the result is replaced.
/// `sequence` grows with every change of the result, of its instance or of its labels; see Store::changes.
struct StoredResult {
  std::int64_t row = 0;
  std::uint64_t sequence = 0;
  InstanceRecord instance;
  ResultRecord result;
  Clock::WallTime stored_at;        ///< milliseconds
  std::vector<StoredLabel> labels;  ///< the instance's, then its study's; each by name, then source
};

/// One step of a model's history. Without `result`: the row was deleted.
struct Change {
  std::uint64_t sequence = 0;
  std::int64_t row = 0;
  std::optional<StoredResult> result;
};

struct ChangePage {
  std::vector<Change> changes;      ///< ascending by sequence
  std::uint64_t last_sequence = 0;  ///< the model's newest at the time of reading
  /// Deletions after the asked sequence have been forgotten (prune_tombstones): start again from 0 with an empty index.
  bool must_rebuild = false;
};

// ---- overview ----------------------------------------------------------------------------------------

struct ModelState {
  ModelRecord model;
  bool active = false;
  std::uint64_t results = 0;
  std::uint64_t queued = 0;  ///< waiting or being worked on
  std::uint64_t parked = 0;
  std::uint64_t skipped = 0;
  std::uint64_t last_sequence = 0;
};

struct AuditEntry {
  Clock::WallTime at;
  std::string event;  ///< "added", "activated", "dropped"
  std::string model_id;
  std::string previous_model_id;  ///< "activated": who served before; may be empty
  std::string actor;
  std::string note;
};

struct StoreInfo {
  std::string backend;   ///< "sqlite", "postgresql"
  std::string location;  ///< without credentials
  std::int64_t schema_version = 0;
  std::uint64_t instances = 0;
  std::uint64_t studies = 0;
  std::uint64_t labels = 0;      ///< of instances and of studies
  std::uint64_t size_bytes = 0;  ///< on disk, indexes included
  std::vector<ModelState> models;
};

}  // namespace chexworld
