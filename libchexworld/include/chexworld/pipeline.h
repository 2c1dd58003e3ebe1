// SPDX-License-Identifier: Apache-2.0
//
// Radiographs in from any thread, embeddings out: decoding, batching, inference and storing overlap, nothing grows
// without bound, and the model may be replaced while all of that goes on.
//
//   auto pipeline = chexworld::Pipeline::open("model.safetensors");
//   if (!pipeline) return complain(pipeline.error());
//   auto answer = pipeline->submit({.content = std::filesystem::path("film.dcm")});  // waits while it is full
//   const chexworld::PipelineOutcome outcome = answer->get();
//   if (outcome.result) use(outcome.result->normalized);  // f32[D]
//
// See docs/pipeline.md, and examples/02_streaming.cpp for boost::asio.
#pragma once

#include <chexworld/engine.h>
#include <chexworld/export.h>
#include <chexworld/image.h>
#include <chexworld/radiograph.h>
#include <chexworld/result.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace chexworld {

struct InstanceTags;
class RadiographDecoder;

// ---- what goes in --------------------------------------------------------------------------------------

/// Pixels that need no preparation: f32[C,S,S], normalised as the model was trained. Answered with kInvalidArgument
/// where they do not fit the model that runs them.
struct NormalizedPixels {
  std::vector<float> values;
};

/// One radiograph. The pipeline owns what it is given.
struct PipelineItem {
  std::variant<std::vector<std::byte>,  ///< bytes of a DICOM file (PS3.10), or of a PNG or JPEG picture
               std::filesystem::path,   ///< such a file; must stay as it is until the answer
               GrayImage,               ///< a picture as a viewer shows it
               StoredPixels,            ///< 16-bit grey, larger is brighter; contrast from its range
               NormalizedPixels>
      content;
  bool with_patches = false;                      ///< RadiographResult::patches too
  std::uint64_t lane = 0;                         ///< items of one lane are answered in order; 0: in any order
  std::map<std::string, std::string> attributes;  ///< the caller's own; come back in the outcome, read by nobody
};

// ---- what comes out ------------------------------------------------------------------------------------

/// One label of the model's head.
struct Finding {
  std::string name;
  std::optional<double> probability;  ///< calibrated, 0 to 1; none where the head abstained
  double threshold = 0.5;
  bool present() const { return probability && *probability >= threshold; }
};

/// What the model says about one radiograph; where the gate skipped it, only why.
struct RadiographResult {
  std::string model_id;                   ///< of the one model that everything below comes from
  Precision precision = Precision::kF32;  ///< of that model's engine
  GateVerdict gate;                       ///< reason and view; pictures and pixels are always accepted
  std::vector<QualityNote> quality;
  std::vector<std::string> doubts;  ///< sentences behind QualityNote::kDoubtful
  RadiographAttributes attributes;  ///< of DICOM objects
  std::vector<float> embedding;     ///< f32[D]; empty where the gate skipped the object
  std::vector<float> normalized;    ///< f32[D], the same divided by its Euclidean length
  std::vector<float> patches;       ///< f32[N,D] where asked for
  std::vector<Finding> findings;    ///< in the order of the head's labels; empty without a head
  /// Why no finding has a probability: the film is outside what the head was calibrated on (BundleDomain).
  std::optional<Abstention> abstained;
  /// What filing needs besides (study, series, sex, age, date); for the library's own sinks, opaque elsewhere. May be
  /// null.
  std::shared_ptr<const InstanceTags> tags;
};

/// Where the time went. Wall clock, milliseconds.
struct PipelineTimings {
  double queued_ms = 0;     ///< from submit() to the start of decoding
  double decode_ms = 0;     ///< decoding and preparation
  double gathered_ms = 0;   ///< from there to the start of its batch
  double inference_ms = 0;  ///< of its batch
  double stored_ms = 0;     ///< from there until the sink had it
  double total_ms = 0;
  int batch = 0;  ///< radiographs computed together with it, itself included
};

/// One item's answer. The error's code says why there is no result: kMalformed, kUnsupported, kTooLarge, kTimeout,
/// kNotFound and the like of the object; kCancelled; what the sink failed with.
struct PipelineOutcome {
  std::uint64_t sequence = 0;                     ///< place in the order of submission, from 1
  std::map<std::string, std::string> attributes;  ///< PipelineItem::attributes
  Result<RadiographResult> result = Error(ErrorCode::kInternal, "pipeline: not answered yet");
  PipelineTimings timings;
};

using OutcomeCallback = std::function<void(PipelineOutcome)>;

/// Where outcomes go before anybody hears of them, so that an answer can mean "stored".
class ResultSink {
 public:
  using Done = std::function<void(Result<void>)>;

  virtual ~ResultSink() = default;
  /// Takes one outcome, errors included, cancelled items not. Call `done` once, now or later, from any thread: the item
  /// is answered after that, with the error given to `done` in place of its result where there is one. `outcome` stays
  /// valid until then. A `done` that is destroyed uncalled counts as kInternal. One call at a time; in the order of
  /// submission within a lane; an exception counts as done with that error.
  virtual void put(const PipelineOutcome& outcome, Done done) = 0;
};

// ---- where it runs -------------------------------------------------------------------------------------

/// The host's threads. Must not be destroyed before the pipeline, and its functions must not throw.
class CHEXWORLD_API Executor {
 public:
  virtual ~Executor();
  /// Runs `task` soon, on any of its threads. Tasks decode or compute: they take long and use the processor.
  virtual void post(std::function<void()> task) = 0;
  /// The same once `delay` has passed. Unless overridden: at once, so batches hold only what is there already.
  virtual void post_after(std::chrono::nanoseconds delay, std::function<void()> task);
};

struct PipelineOptions {
  // ---- behaviour ----
  /// Of every model. `threads` is how many processors all inference together may use (0: what this process may use),
  /// `max_batch` the largest batch.
  EngineOptions engine = {};
  bool ordered = false;                     ///< all items share one lane
  std::shared_ptr<ResultSink> sink = {};    ///< optional
  std::shared_ptr<Executor> executor = {};  ///< optional; without it, threads of its own
  /// Own threads, where there is no executor. -1: as many as the work needs; or so many. 0: none; submit() does all the
  /// work before it returns, one item after the other, so runs are deterministic.
  int threads = -1;
  /// Where untrusted bytes are decoded; the library's own kinds, opaque elsewhere. Null: in this process.
  std::shared_ptr<RadiographDecoder> decoder = {};

  // ---- bounds ----
  std::size_t max_items = 64;                    ///< in the pipeline at once, from submit() to answer
  std::size_t max_bytes = std::size_t(1) << 30;  ///< of submitted content at once; one item alone may not exceed it
  std::chrono::milliseconds latency_budget{5};   ///< how long a prepared radiograph waits for others to join its batch

  // ---- performance ----
  int decoders = 0;  ///< objects decoded at once; 0: as many as processors
  /// Batches computed at once, each with its share of the threads; 0: what a measurement in open() finds faster.
  int streams = 0;
};

/// What serves.
struct PipelineModel {
  std::string model_id;  ///< SHA-256 of the bundle
  std::filesystem::path bundle;
  EngineFacts engine;               ///< `threads` is per stream
  std::vector<std::string> labels;  ///< of findings
  int streams = 1;
  std::vector<std::string> remarks;  ///< e.g. how the number of streams was chosen
};

/// Counters since open(), and what is inside now.
struct PipelineStats {
  std::uint64_t submitted = 0;
  std::uint64_t refused = 0;   ///< by try_submit(): full
  std::uint64_t embedded = 0;  ///< answered with an embedding
  std::uint64_t skipped = 0;   ///< answered by the gate
  std::uint64_t failed = 0;    ///< answered with an error
  std::uint64_t cancelled = 0;
  std::uint64_t prepared_again = 0;      ///< decoded once more because another model had taken over
  std::uint64_t switches = 0;            ///< activations that took effect
  std::map<int, std::uint64_t> batches;  ///< how many of each size
  std::size_t inside = 0;                ///< submitted and not answered
  std::size_t waiting = 0;               ///< of those, not yet decoded
  std::size_t prepared = 0;              ///< of those, waiting for inference
  std::size_t bytes = 0;                 ///< of submitted content
};

// ---- the pipeline --------------------------------------------------------------------------------------

/// Thread safe: any function from any thread, but for moving and destroying. Movable; an object that was moved from may
/// only be destroyed or assigned to.
///
/// Callbacks run one at a time on the executor, in the order of submission within a lane; they should be short, must
/// not block, and may call anything but submit(), drain() and the destructor. Futures are simply set.
class CHEXWORLD_API Pipeline {
 public:
  /// Loads, verifies and warms the model (see activate()), and finds out how to divide the processors.
  /// Errors: those of activate(); kInvalidArgument for impossible options.
  static Result<Pipeline> open(const std::filesystem::path& bundle, const PipelineOptions& options = {});

  Pipeline(Pipeline&&) noexcept;
  Pipeline& operator=(Pipeline&&) noexcept;
  /// Answers everything that is inside before it returns: what is computed by then as it is, the rest with kCancelled,
  /// also what a sink has not acknowledged. No callback runs afterwards. Call drain() first to lose nothing.
  ~Pipeline();

  /// Puts an item in; waits while the pipeline is full, callers in turn. Errors (the item was not taken): kTooLarge for
  /// content above max_bytes, kInvalidArgument for a picture that is none, kCancelled where cancel() came while
  /// waiting, kConflict from a callback.
  Result<std::future<PipelineOutcome>> submit(PipelineItem item);
  Result<void> submit(PipelineItem item, OutcomeCallback callback);
  /// The same without waiting: kResourceExhausted where the pipeline is full. The item is then untouched.
  Result<std::future<PipelineOutcome>> try_submit(PipelineItem&& item);
  Result<void> try_submit(PipelineItem&& item, OutcomeCallback callback);

  /// Returns once everything submitted before has been answered.
  void drain();
  /// Answers with kCancelled what is not being computed or stored yet, also callers who wait in submit(); returns how
  /// many items inside that were. The pipeline goes on taking new ones.
  std::size_t cancel();

  /// Hands over to another model while items keep flowing: checks the bundle (hash where `expected_id` is given,
  /// header, shapes, finite weights, self-test), warms it beside the active one, switches between two batches, waits
  /// until the old one has finished, frees it. Every result comes from one model and names it; items decoded for
  /// another preparation are decoded again. One at a time: a second caller waits. On failure everything stays as it
  /// was: Errors: as Engine::load(); kMalformed too for another hash than `expected_id` or a preparation that does not
  /// fit.
  Result<PipelineModel> activate(const std::filesystem::path& bundle, std::string_view expected_id = {});
  /// Activates a model that was active before: the previous one, or the one of this id. Its bundle must still be there.
  /// kNotFound where there is none.
  Result<PipelineModel> roll_back(std::string_view model_id = {});

  PipelineModel model() const;
  PipelineStats stats() const;

 private:
  struct Parts;
  explicit Pipeline(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace chexworld
