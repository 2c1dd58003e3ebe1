// SPDX-License-Identifier: Apache-2.0
#include "worker/result_writer.h"

#include "base/config.h"
#include "base/failure.h"
#include "base/log.h"
#include "dicom/instance_tags.h"
#include "sandbox/decoder.h"
#include "worker/work_ticket.h"

#include <algorithm>
#include <cmath>

namespace chexworld {
namespace {

constexpr std::chrono::seconds kRetryAfter{10};
constexpr std::size_t kMostReasonBytes = 1024;  // the store's limit
constexpr std::size_t kMostUidBytes = 64;

/// PA, AP or LL as DICOM names them; "frontal" where only that is known.
std::string view_name(const GateVerdict& gate) {
  if (gate.view == View::kLateral) return "LL";
  if (gate.view != View::kFrontal) return "";
  return std::string(gate.projection == Projection::kUnknown ? name_of(View::kFrontal) : name_of(gate.projection));
}

/// A UID as far as it can be one (PS3.5 section 9.1), else empty.
std::string usable_uid(const std::string& uid) {
  const bool fine = uid.size() <= kMostUidBytes && uid.find_first_not_of("0123456789.") == std::string::npos;
  return fine ? uid : "";
}

InstanceRecord instance_record(const RadiographResult& result) {
  InstanceRecord record;
  record.sop_instance_uid = result.attributes.sop_instance_uid;
  record.sop_class_uid = usable_uid(result.attributes.sop_class_uid);
  record.view = view_name(result.gate);
  if (!result.tags) return record;
  const InstanceTags& tags = *result.tags;
  record.sop_instance_uid = tags.sop_instance_uid;
  record.series_instance_uid = tags.series_instance_uid;
  record.study_instance_uid = tags.study_instance_uid;
  record.patient_key = tags.patient_key;
  record.sex = tags.sex;
  record.institution = tags.institution;
  record.device = tags.device;
  record.acquisition_date = tags.date;
  record.age_years = tags.age_years;
  return record;
}

/// f32[N,D] of a square of patches, as the store keeps it.
PatchTokens stored_patches(const RadiographResult& result) {
  const std::size_t count = result.patches.size() / result.embedding.size();
  const auto side = std::uint32_t(std::lround(std::sqrt(double(count))));
  if (std::size_t(side) * side != count)
    fail(ErrorCode::kUnsupported,
         "this model's " + std::to_string(count) + " patches are no square: serve it without --keep-patches");
  return encode_patches(result.patches, side, side);
}

ResultRecord result_record(const RadiographResult& result, const PipelineTimings& timings) {
  ResultRecord record;
  record.model_id = result.model_id;
  record.embedding = result.embedding;
  for (const Finding& finding : result.findings)
    if (finding.probability) record.finding_probabilities.push_back(float(std::clamp(*finding.probability, 0.0, 1.0)));
  if (result.abstained) {
    record.abstained = result.abstained->reason;
    record.abstained_detail = result.abstained->detail;
  }
  record.preprocessing_version = std::to_string(PreparationRecipe::kVersion);
  record.precision = std::string(name_of(result.precision));
  record.decode_ms = float(timings.decode_ms);
  record.infer_ms = float(timings.inference_ms);
  if (!result.patches.empty()) record.patches = stored_patches(result);
  for (const QualityNote note : result.quality) record.quality.emplace_back(name_of(note));
  return record;
}

/// Valid UTF-8 of at most this many bytes.
std::string cut_to(const std::string& text, std::size_t most) {
  // A replaced half of a character takes three bytes.
  const std::string json = Json(text.substr(0, most - 6)).dump(-1, ' ', false, Json::error_handler_t::replace);
  return Json::parse(json).get<std::string>().substr(0, most);
}

void set_trouble(Outcome& outcome, Outcome::Kind kind, std::string_view code, const std::string& reason) {
  outcome.kind = kind;
  outcome.reason_code = std::string(code);
  outcome.reason = cut_to(reason, kMostReasonBytes);
}

/// The outcome's result, or why it cannot be kept.
Result<RadiographResult> refused(const PipelineOutcome& outcome, const WorkTicket& ticket) {
  const bool embedded = outcome.result.ok() && outcome.result->gate.accepted();
  if (!embedded || !ticket.keep || !instance_record(*outcome.result).sop_instance_uid.empty()) return outcome.result;
  return Error(ErrorCode::kMalformed,
               "only DICOM objects with a SOP Instance UID can be stored: use /v1/embed for pictures");
}

}  // namespace

bool is_transient(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kUnavailable:
    case ErrorCode::kCancelled:
    case ErrorCode::kInputOutput: return true;
    default: return false;
  }
}

std::optional<Outcome> stored_outcome(const PipelineOutcome& outcome, const std::string& model_id,
                                      Clock::WallTime now) {
  const WorkTicket ticket = WorkTicket::from_attributes(outcome.attributes);
  if (!ticket.keep) return std::nullopt;
  Outcome stored;
  stored.lease = ticket.lease;
  stored.location = ticket.location;
  stored.model_id = outcome.result.ok() ? outcome.result->model_id : model_id;
  const bool named = !ticket.location.server.empty();
  if (!outcome.result.ok()) {
    const Error& error = outcome.result.error();
    const bool again = is_transient(error);
    set_trouble(stored, again ? Outcome::Kind::kRetry : Outcome::Kind::kParked, decode_reason(error), error.message());
    if (again) stored.retry_at = now + kRetryAfter;
    return named && !stored.model_id.empty() ? std::optional(stored) : std::nullopt;
  }
  if (!outcome.result->gate.accepted()) {
    const GateVerdict& gate = outcome.result->gate;
    // What we wrote ourselves comes back with the change log; nobody needs to hear of it.
    if (gate.reason == GateReason::kOwnResult) {
      stored.kind = Outcome::Kind::kDropped;
      return named ? std::optional(stored) : std::nullopt;
    }
    set_trouble(stored, Outcome::Kind::kSkipped, name_of(gate.reason), gate.detail);
    return named ? std::optional(stored) : std::nullopt;
  }
  stored.instance = instance_record(*outcome.result);
  stored.result = result_record(*outcome.result, outcome.timings);
  return stored;
}

ResultWriter::ResultWriter(Store& store, std::function<std::string()> active_model, Options options)
    : store_(store), active_model_(std::move(active_model)), options_(std::move(options)), thread_([this] { run(); }) {}

ResultWriter::~ResultWriter() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void ResultWriter::put(const PipelineOutcome& outcome, Done done) {
  const WorkTicket ticket = WorkTicket::from_attributes(outcome.attributes);
  PipelineOutcome filed{outcome.sequence, outcome.attributes, refused(outcome, ticket), outcome.timings};
  std::optional<Outcome> stored = stored_outcome(filed, active_model_(), std::chrono::system_clock::now());
  const bool newly_refused = outcome.result.ok() && !filed.result.ok();
  Result<void> answer = newly_refused ? Result<void>(filed.result.error()) : Result<void>();
  // A failure that will be tried again is not taken care of yet.
  const bool settled = filed.result.ok() || !is_transient(filed.result.error());
  if (!stored && !(ticket.cursor && settled)) return done(answer);
  {
    const std::lock_guard lock(mutex_);
    const bool only_cursor = !stored;
    waiting_.push_back({std::move(stored).value_or(Outcome{}), ticket.cursor, only_cursor, answer, std::move(done)});
  }
  changed_.notify_one();
}

/// Outcomes up to the first that moves a cursor, which has a transaction of its own: it may be refused.
std::vector<ResultWriter::Waiting> ResultWriter::take_batch() {
  std::size_t count = 0;
  while (count < waiting_.size() && count < options_.most_at_once && !waiting_[count].cursor) ++count;
  count = std::max<std::size_t>(count, 1);
  std::vector<Waiting> batch(std::make_move_iterator(waiting_.begin()),
                             std::make_move_iterator(waiting_.begin() + std::ptrdiff_t(count)));
  waiting_.erase(waiting_.begin(), waiting_.begin() + std::ptrdiff_t(count));
  return batch;
}

void ResultWriter::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return ending_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    std::vector<Waiting> batch = take_batch();
    lock.unlock();
    const auto begin = std::chrono::steady_clock::now();
    const std::size_t size = batch.size();
    write(batch);
    if (options_.committed) options_.committed(size, std::chrono::steady_clock::now() - begin);
    batch.clear();
    lock.lock();
  }
}

/// Parks what the store refuses, so that its claim ends now and not when its lease has run out five times.
void ResultWriter::park_refused(const Outcome& refused, const Error& error) {
  if (error.code() != ErrorCode::kInvalidArgument || refused.location.server.empty()) return;
  Outcome parked;
  parked.lease = refused.lease;
  parked.location = refused.location;
  parked.model_id = refused.model_id;
  set_trouble(parked, Outcome::Kind::kParked, name_of(ErrorCode::kMalformed), error.message());
  Batch alone;
  alone.outcomes.push_back(std::move(parked));
  const Result<CommitReport> report = capture([&] { return store_.commit(alone); });
  if (!report.ok()) log_warning("what the store refused cannot be remembered either: " + report.error().message());
}

void ResultWriter::write(std::vector<Waiting>& batch) {
  Batch together;
  for (const Waiting& waiting : batch) {
    if (!waiting.only_cursor) together.outcomes.push_back(waiting.outcome);
  }
  together.cursor = batch.front().cursor;
  const Result<CommitReport> report = capture([&] { return store_.commit(together); });
  // One record that the store refuses must not take its neighbours along.
  if (!report.ok() && batch.size() > 1 && !is_transient(report.error())) return write_one_by_one(batch);
  if (!report.ok() && !batch.front().only_cursor) park_refused(batch.front().outcome, report.error());
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const bool stale = report.ok() && std::find(report->stale.begin(), report->stale.end(), i) != report->stale.end();
    if (!report.ok()) {
      batch[i].done(report.error());
    } else if (stale) {
      batch[i].done(Error(ErrorCode::kConflict,
                          "the claim has ended: the object was removed or somebody else has it; nothing was stored"));
    } else {
      batch[i].done(batch[i].answer);
    }
  }
}

void ResultWriter::write_one_by_one(std::vector<Waiting>& batch) {
  for (Waiting& waiting : batch) {
    std::vector<Waiting> alone;
    alone.push_back(std::move(waiting));
    write(alone);
  }
}

}  // namespace chexworld
