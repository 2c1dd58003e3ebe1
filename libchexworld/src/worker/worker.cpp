// SPDX-License-Identifier: Apache-2.0
#include "worker/worker.h"

#include "base/failure.h"
#include "base/log.h"
#include "worker/pseudonym_key.h"

#include <algorithm>
#include <thread>

namespace chexworld {
namespace {

const std::string kNoModel = "no model is active: upload a bundle and activate it";

std::shared_ptr<RadiographDecoder> make_decoder(const WorkerOptions& options) {
  SandboxOptions sandbox = options.sandboxing;
  sandbox.decoder.pseudonym_key = read_or_make_pseudonym_key(options.pseudonym_key);
  if (!options.sandbox) return make_in_process_decoder(sandbox.decoder);
  sandbox.processes = options.decoders > 0 ? options.decoders : std::max(1, int(std::thread::hardware_concurrency()));
  return make_sandboxed_decoder(sandbox).value();
}

std::vector<std::string> labels_of(const BundleInfo& info) {
  std::vector<std::string> labels;
  if (info.head) {
    for (const BundleLabel& label : info.head->labels) labels.push_back(label.name);
  }
  return labels;
}

/// A store that knows no model is new, so an index there is of a store that has gone. Its numbers of rows would mean
/// other films.
void forget_stale_index(Store& store, const std::filesystem::path& index) {
  if (!store.models().empty() || !std::filesystem::exists(index)) return;
  if (std::filesystem::remove_all(index) > 1)
    log_warning("the store is new: the search index of another one is removed");
}

}  // namespace

Worker::Worker(const WorkerOptions& options)
    : options_(options), models_(options.models), store_(open_store(options.store)), decoder_(make_decoder(options)) {
  writer_ = std::make_shared<ResultWriter>(*store_, [this] { return active_id(); }, ResultWriter::Options{});
  forget_stale_index(*store_, options_.index);
  RetrievalOptions retrieval;
  retrieval.folder = options_.index;
  retrieval_ = std::make_unique<Retrieval>(*store_, retrieval);
  retrieval_->start([](const Error& error) { log_warning("search index: " + error.message()); });
  start_first_model();
}

Worker::~Worker() = default;

// ---- models ------------------------------------------------------------------------------------------

void Worker::start_first_model() {
  const std::optional<std::string> remembered = store_->active_model();
  if (!options_.first_model.empty()) {
    const KeptModel given = models_.keep_copy(options_.first_model);
    tell_store(given, options_.first_model.stem().string());
    if (!remembered) return activate(given.info.model_id, "start", "first model");
    if (*remembered != given.info.model_id)
      log_warning("the store names model " + *remembered + " as active; " + given.info.model_id +
                  " is kept and can be activated");
  }
  if (!remembered) {
    log_warning(kNoModel + "; until then nothing is embedded and what arrives waits");
    return set_pipeline(nullptr, kNoModel);
  }
  const Result<void> served = capture([&] { serve(models_.find(*remembered)); });
  if (served.ok()) return;
  const std::string trouble = "the active model " + *remembered + " cannot be used: " + served.error().message();
  log_error(trouble);
  set_pipeline(nullptr, trouble);
}

PipelineOptions Worker::pipeline_options() const {
  PipelineOptions options;
  options.engine = options_.engine;
  options.sink = writer_;
  options.decoder = decoder_;
  options.streams = options_.streams;
  options.decoders = options_.decoders;
  options.max_items = options_.max_items;
  options.max_bytes = options_.max_bytes;
  options.latency_budget = options_.latency_budget;
  return options;
}

void Worker::set_pipeline(std::shared_ptr<Pipeline> pipeline, std::string trouble) {
  {
    const std::lock_guard lock(mutex_);
    pipeline_.swap(pipeline);
    trouble_ = std::move(trouble);
  }
  // The one before ends here, without our lock.
}

std::shared_ptr<Pipeline> Worker::pipeline() const {
  const std::lock_guard lock(mutex_);
  return pipeline_;
}

std::string Worker::active_id() const {
  const auto model = this->model();
  return model ? model->model_id : std::string();
}

/// The pipeline runs this model afterwards, or whatever it ran before.
void Worker::serve(const KeptModel& model) {
  if (const auto running = pipeline()) {
    running->activate(model.path, model.info.model_id).value();
    return;
  }
  auto opened = std::make_shared<Pipeline>(Pipeline::open(model.path, pipeline_options()).value());
  if (opened->model().model_id != model.info.model_id)
    fail(ErrorCode::kMalformed, "the bundle's content changed since it was kept: upload it again");
  set_pipeline(std::move(opened), "");
}

void Worker::return_to(const std::string& model_id) {
  if (model_id.empty()) return set_pipeline(nullptr, kNoModel);
  const Result<PipelineModel> returned = pipeline()->roll_back(model_id);
  if (!returned.ok()) log_error("returning to model " + model_id + ": " + returned.error().message());
}

void Worker::tell_store(const KeptModel& model, const std::string& name) {
  store_->add_model({model.info.model_id, name.empty() ? model.info.architecture : name,
                     std::uint32_t(model.info.width), labels_of(model.info)});
}

KeptModel Worker::add_model(const std::filesystem::path& bundle, const std::string& expected_id,
                            const std::string& name) {
  const KeptModel kept = models_.keep(bundle, expected_id);
  tell_store(kept, name);
  return kept;
}

void Worker::activate(const std::string& model_id, const std::string& actor, const std::string& note) {
  const std::lock_guard lock(handover_);
  const KeptModel model = models_.find(model_id);
  const std::string before = active_id();
  tell_store(model, "");
  if (before != model_id) serve(model);
  try {
    store_->activate_model(model_id, actor, note);
  } catch (...) {
    if (before != model_id) return_to(before);
    throw;
  }
}

void Worker::drop_model(const std::string& model_id, const std::string& actor) {
  const std::lock_guard lock(handover_);
  if (active_id() == model_id) fail(ErrorCode::kConflict, "this model is active: activate another one first");
  retrieval_->catch_up();  // it may have to follow a roll back yet
  if (retrieval_->serving_model() == model_id)
    fail(ErrorCode::kConflict, "searches are answered from this model until the active one's index is complete");
  const KeptModel kept = models_.find(model_id);
  const Result<void> dropped = capture([&] { store_->drop_model(model_id, actor); });
  if (!dropped.ok() && dropped.error().code() != ErrorCode::kNotFound) throw Failure(dropped.error());
  const Result<void> forgotten = capture([&] { retrieval_->drop_index(model_id); });
  if (!forgotten.ok() && forgotten.error().code() != ErrorCode::kNotFound) throw Failure(forgotten.error());
  models_.remove(kept.info.model_id);
}

// ---- objects -----------------------------------------------------------------------------------------

void Worker::submit(PipelineItem item, const WorkTicket& ticket, OutcomeCallback answer) {
  if (draining_) fail(ErrorCode::kUnavailable, "the worker is shutting down: send this again later");
  const std::shared_ptr<Pipeline> running = pipeline();
  if (!running) fail(ErrorCode::kUnavailable, trouble());
  item.attributes = ticket.to_attributes();
  item.with_patches |= options_.keep_patches && ticket.keep;
  const Result<void> accepted = running->try_submit(std::move(item), std::move(answer));
  if (accepted.ok()) return;
  if (accepted.error().code() == ErrorCode::kResourceExhausted)
    fail(ErrorCode::kUnavailable, "the worker has as much to do as it may hold: send this again shortly");
  throw Failure(accepted.error());
}

PreparedRadiograph Worker::decode(const RadiographSource& source, const PreparationRecipe& recipe, int film_side) {
  if (draining_) fail(ErrorCode::kUnavailable, "the worker is shutting down: send this again later");
  return decoder_->decode(source, recipe, film_side).value();
}

bool Worker::remove_instance(const std::string& sop_instance_uid) { return store_->remove_instance(sop_instance_uid); }

// ---- state -------------------------------------------------------------------------------------------

std::optional<PipelineModel> Worker::model() const {
  const std::shared_ptr<Pipeline> running = pipeline();
  return running ? std::optional(running->model()) : std::nullopt;
}

PipelineStats Worker::pipeline_stats() const {
  const std::shared_ptr<Pipeline> running = pipeline();
  return running ? running->stats() : PipelineStats{};
}

std::string Worker::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

Coverage Worker::coverage() {
  const StoreInfo info = store_->info();
  Coverage coverage{info.instances, 0, 0};
  for (const ModelState& state : info.models) {
    if (!state.active) continue;
    coverage.with_result = state.results;
    coverage.given_up = state.parked + state.skipped;
  }
  return coverage;
}

void Worker::drain() {
  draining_ = true;
  if (const auto running = pipeline()) running->drain();
}

void Worker::cancel() {
  draining_ = true;
  if (const auto running = pipeline()) running->cancel();
}

}  // namespace chexworld
