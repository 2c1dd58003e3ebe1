// SPDX-License-Identifier: Apache-2.0
//
// The inference engine: normalised radiographs in, embeddings and findings out, at the speed of the processor.
//
//   auto engine = chexworld::Engine::load("model.safetensors", {.precision = chexworld::Precision::kBf16});
//   if (!engine) return complain(engine.error());
//   auto result = engine->run(images, batch);   // images f32[B,3,S,S]
//   result->embedding;                          // f32[B,D]
//   result->findings;                           // f32[B,K] probabilities, where the bundle has a head
#pragma once

#include <chexworld/bundle.h>
#include <chexworld/export.h>
#include <chexworld/result.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace chexworld {

enum class Precision {
  kAuto,  ///< the fastest that stays within its bound of f32 on this machine; see EngineOptions
  kF32,
  kBf16,  ///< bf16 weights and activations, f32 accumulation and residual stream
  kInt8,  ///< 8-bit weights per output channel and 8-bit activations, one scale per token; attention in bf16
};

/// "auto", "f32", "bf16", "int8"
CHEXWORLD_API std::string_view name_of(Precision precision);
/// kInvalidArgument naming the known ones.
CHEXWORLD_API Result<Precision> precision_from(std::string_view name);

enum class BackendKind {
  kAuto,    ///< oneDNN on "cpu", LibTorch on another device
  kOneDnn,  ///< the processor; f32, bf16, int8
  kTorch,   ///< LibTorch, where the library was built with it: f32 or bf16, on the CPU (the plain reference) or CUDA
};

struct EngineOptions {
  // ---- behaviour ----
  BackendKind backend = BackendKind::kAuto;
  std::string device =
      "cpu";  ///< "cpu", "cuda" or "cuda:1"; kAuto precision is f32 on the CPU by LibTorch, bf16 on CUDA
  /// A precision that the processor has no instructions for is refused (kUnsupported), never emulated; kAuto takes
  /// the next best. kAuto considers int8 only with calibration images or a calibration file.
  Precision precision = Precision::kAuto;
  /// Side S of the images, pixels, a multiple of the patch size. 0: as trained; else the position table is resized
  /// bicubically (specification, section 1).
  std::int64_t image_size = 0;
  /// Side of a patch, pixels. 0: as trained; else the patch kernel is resized bicubically.
  std::int64_t patch_size = 0;
  /// Images f32[K,3,S,S], normalised like those to come. int8 learns the ranges of activations from every second one;
  /// the others are held out and judge it, 16 of them at most. 16 to 64 images are a good number.
  /// Empty: from `calibration_file`, else from the bundle's self-test input.
  std::vector<float> calibration_images = {};
  /// Ranges stored by Engine::save_calibration for the same bundle and sizes. Empty: none.
  std::filesystem::path calibration_file = {};
  /// Cosine to f32 that every checked embedding must keep; int8 puts its most sensitive layers back into bf16 until it
  /// does, and must keep it with a margin (a quarter of the distance to 1). Checked on the self-test input and on
  /// calibration images that were held out.
  double least_cosine_bf16 = 0.9995;
  double least_cosine_int8 = 0.995;

  // ---- performance ----
  int threads = 0;             ///< per run(); 0: as many as this process may use
  std::int64_t max_batch = 8;  ///< images computed at once; larger batches are cut, at the cost of a little speed
};

/// What an engine turned out to be.
struct EngineFacts {
  Precision precision = Precision::kF32;  ///< never kAuto
  std::string backend;                    ///< "oneDNN 3.7.2", "LibTorch 2.6.0"
  std::string instructions;               ///< what the backend uses here, e.g. "avx512_core_bf16"; LibTorch: the device
  int threads = 1;
  std::int64_t image_size = 0;  ///< S, pixels
  std::int64_t patch_size = 0;  ///< pixels
  std::int64_t channels = 0;
  std::int64_t width = 0;              ///< D
  std::int64_t patches = 0;            ///< N
  bool self_test_passed = false;       ///< false: the bundle has none for this image size
  std::optional<double> least_cosine;  ///< to f32, smallest over the checked images; empty for f32
  int linear_layers = 0;               ///< qkv, proj, fc1, fc2 of all blocks
  int int8_layers = 0;                 ///< how many of them are computed in 8 bits
  std::optional<BundleHead> head;      ///< kind and labels (names, thresholds) of the findings; empty without a head
  bool has_contributions = false;      ///< the head is one whose logits are sums over patches ("fc", "norm_fc")
  std::vector<std::string> remarks;    ///< one sentence each, e.g. why a precision was not chosen
};

/// Where run() puts its results; an empty span is not wanted. Sizes must fit exactly.
struct EngineOutput {
  std::span<float> embedding = {};   ///< f32[B,D]: mean over the patch tokens after the final norm
  std::span<float> normalized = {};  ///< f32[B,D]: the same divided by its Euclidean length
  std::span<float> patches = {};     ///< f32[B,N,D]: the tokens, row by row
  // With a head of K labels:
  std::span<float> findings = {};       ///< f32[B,K]: calibrated probabilities
  std::span<float> logits = {};         ///< f32[B,K]: what the head computes, before calibration
  std::span<float> contributions = {};  ///< f32[B,K,N]: what each patch adds to a logit (bias shared evenly); their sum
                                        ///< is the logit. Only where facts().has_contributions
};

/// The same, owned.
struct EmbeddingBatch {
  std::vector<float> embedding;
  std::vector<float> normalized;
  std::vector<float> patches;   ///< empty unless asked for
  std::vector<float> findings;  ///< empty without a head
};

/// A loaded encoder, ready to compute. Movable. Immutable after load(): run() may be called from several threads at
/// once; each call uses buffers of its own, which are kept for the next call.
class CHEXWORLD_API Engine {
 public:
  /// Reads `encoder.*`, `head.*` and "chexworld.config" of a bundle, prepares the weights, and runs the bundle's
  /// self-test. Errors: kNotFound; kMalformed (no bundle; a tensor that is missing, of another shape or not finite;
  /// self-test not reproduced); kInvalidArgument (options); kUnsupported (precision or backend not to be had here).
  static Result<Engine> load(const std::filesystem::path& bundle, const EngineOptions& options = {});

  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;
  ~Engine();

  const EngineFacts& facts() const;

  /// images f32[batch,channels,S,S], normalised as the model was trained, row-major. A batch of 0 is fine.
  /// Findings are computed in f32 from the embedding or the tokens, whatever the precision.
  /// kInvalidArgument where a size does not fit or a pixel is not finite (naming the image by its place in the batch);
  /// then the output is untouched or partly written. Blocks until done. After the first call with a batch size the
  /// engine itself allocates nothing, but for small working space of findings.
  Result<void> run(std::span<const float> images, std::int64_t batch, const EngineOutput& output) const;

  /// The same into vectors.
  Result<EmbeddingBatch> run(std::span<const float> images, std::int64_t batch, bool with_patches = false) const;

  /// Writes the activation ranges that int8 was calibrated with, as safetensors, atomically.
  /// kInvalidArgument for an engine that is not int8.
  Result<void> save_calibration(const std::filesystem::path& file) const;

 private:
  struct Parts;
  explicit Engine(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace chexworld
