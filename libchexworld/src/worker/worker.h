// SPDX-License-Identifier: Apache-2.0
//
// The inference worker without its HTTP face: models, pipeline, store and search joined.
#pragma once

#include "retrieval/retrieval.h"
#include "sandbox/decoder.h"
#include "store/store.h"
#include "worker/model_library.h"
#include "worker/result_writer.h"
#include "worker/work_ticket.h"

#include <chexworld/pipeline.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace chexworld {

struct WorkerOptions {
  std::string store;                    ///< path of an SQLite store, or a PostgreSQL connection string
  std::filesystem::path models;         ///< folder of bundles
  std::filesystem::path index;          ///< folder of search indexes
  std::filesystem::path pseudonym_key;  ///< file of the secret behind patient keys; made where there is none
  std::filesystem::path first_model;    ///< bundle to activate where the store names no active model; may be empty
  EngineOptions engine = {};
  int streams = 0;                               ///< batches computed at once; 0: measured
  int decoders = 0;                              ///< decoder processes; 0: as many as processors
  bool sandbox = true;                           ///< false: decodes in this process (for debugging only)
  SandboxOptions sandboxing = {};                ///< `processes` and the key are set from the above
  std::size_t max_items = 64;                    ///< objects in the pipeline at once
  std::size_t max_bytes = std::size_t(1) << 30;  ///< of them
  std::chrono::milliseconds latency_budget{5};
  bool keep_patches = false;  ///< patch tokens are stored with each result, for searching by region (docs/store.md)
};

/// Whether every instance has a result of the active model.
struct Coverage {
  std::uint64_t instances = 0;
  std::uint64_t with_result = 0;
  std::uint64_t given_up = 0;  ///< parked or skipped
};

/// Thread safe. Errors: throws Failure.
class Worker {
 public:
  /// Opens store, models and indexes, starts the decoders, and activates the model that the store remembers, else
  /// `first_model`. A remembered model that cannot be activated leaves the worker without one (see trouble()).
  explicit Worker(const WorkerOptions& options);
  /// Answers what is inside, kCancelled where it must.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Puts an object in without waiting. `answer` is called once the result is durable (where the ticket keeps it).
  /// kUnavailable: the pipeline is full, there is no model, or the worker is draining; `answer` is not called then.
  void submit(PipelineItem item, const WorkTicket& ticket, OutcomeCallback answer);

  /// Decodes an object, and its film for people, without putting it into the pipeline. Waits for a decoder.
  PreparedRadiograph decode(const RadiographSource& source, const PreparationRecipe& recipe, int film_side);

  /// Keeps an uploaded bundle; see ModelLibrary. The file is taken where that is possible.
  KeptModel add_model(const std::filesystem::path& bundle, const std::string& expected_id, const std::string& name);
  /// Hands over to a kept model: verified and warmed beside the active one, switched between two batches, remembered by
  /// the store. On failure everything stays as it was. kNotFound, kMalformed, ...
  void activate(const std::string& model_id, const std::string& actor, const std::string& note);
  /// Forgets a model, its results and its index. kConflict while it is active or answers searches.
  void drop_model(const std::string& model_id, const std::string& actor);

  /// Removes an instance from store and index; false when it is not known.
  bool remove_instance(const std::string& sop_instance_uid);

  /// The model that answers; nullopt without one.
  std::optional<PipelineModel> model() const;
  PipelineStats pipeline_stats() const;
  Coverage coverage();
  /// Why there is no model; empty when there is one.
  std::string trouble() const;

  Store& store() { return *store_; }
  ModelLibrary& models() { return models_; }
  Retrieval& retrieval() { return *retrieval_; }
  DecoderCounts decoder_counts() const { return decoder_->counts(); }

  /// Refuses new objects from here on, waits until what is inside is answered.
  void drain();
  /// Answers what waits with kCancelled.
  void cancel();
  bool draining() const { return draining_; }

 private:
  std::shared_ptr<Pipeline> pipeline() const;
  void set_pipeline(std::shared_ptr<Pipeline> pipeline, std::string trouble);
  PipelineOptions pipeline_options() const;
  std::string active_id() const;
  void start_first_model();
  void serve(const KeptModel& model);
  void return_to(const std::string& model_id);
  void tell_store(const KeptModel& model, const std::string& name);

  const WorkerOptions options_;
  ModelLibrary models_;
  std::unique_ptr<Store> store_;
  std::shared_ptr<RadiographDecoder> decoder_;
  std::unique_ptr<Retrieval> retrieval_;
  std::shared_ptr<ResultWriter> writer_;
  std::mutex handover_;  // one change of models at a time
  std::atomic<bool> draining_ = false;

  mutable std::mutex mutex_;
  std::shared_ptr<Pipeline> pipeline_;  // guarded by mutex_; null without a model
  std::string trouble_;                 // guarded by mutex_
};

}  // namespace chexworld
