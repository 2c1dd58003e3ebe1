// SPDX-License-Identifier: Apache-2.0
#include <chexworld/engine.h>

#include "base/failure.h"
#include "infer/findings_head.h"
#include "infer/kernels.h"
#include "infer/onednn_backend.h"
#include "infer/precision_choice.h"

#include <algorithm>
#include <array>
#include <omp.h>

namespace chexworld {
namespace {

struct NamedPrecision {
  Precision precision;
  std::string_view name;
};
constexpr std::array kPrecisions{NamedPrecision{Precision::kAuto, "auto"}, NamedPrecision{Precision::kF32, "f32"},
                                 NamedPrecision{Precision::kBf16, "bf16"}, NamedPrecision{Precision::kInt8, "int8"}};

void require(bool condition, const std::string& sentence) {
  if (!condition) fail(ErrorCode::kInvalidArgument, "engine: " + sentence);
}

void require_possible(const EngineOptions& options) {
  require(options.threads >= 0 && options.threads <= 1024, "threads must be from 0 to 1024");
  require(options.max_batch >= 1 && options.max_batch <= 256, "max_batch must be from 1 to 256");
  const std::string& device = options.device;
  require(device == "cpu" || device == "cuda" ||
              (device.starts_with("cuda:") && device.size() == 6 && device[5] >= '0' && device[5] <= '9'),
          "the device must be cpu, cuda or cuda: and a digit");
  require(options.image_size >= 0 && options.patch_size >= 0, "sizes must not be negative");
}

void require_images(const std::vector<float>& images, const EncoderShape& shape) {
  require(images.size() % std::size_t(image_values(shape)) == 0,
          "calibration images must be whole images of " + std::to_string(image_values(shape)) + " numbers each");
  require(all_finite(images.data(), images.size()), "calibration images have values that are not finite");
}

EngineFacts facts_of(const EncoderShape& shape, const ChosenBackend& chosen, bool self_tested, int threads) {
  EngineFacts facts;
  facts.precision = chosen.precision;
  facts.backend = chosen.name.empty() ? onednn_version() : chosen.name;
  facts.instructions = chosen.name.empty() ? onednn_instructions() : chosen.instructions;
  facts.threads = threads;
  facts.image_size = shape.image_size;
  facts.patch_size = shape.patch_size;
  facts.channels = shape.channels;
  facts.width = shape.width;
  facts.patches = shape.patches();
  facts.self_test_passed = self_tested;
  facts.least_cosine = chosen.least_cosine;
  facts.linear_layers = int(4 * shape.depth);
  facts.remarks = chosen.remarks;
  if (chosen.calibration) {
    for (const BlockInt8& block : chosen.calibration->int8)
      facts.int8_layers += 2 * (int(block.attention) + int(block.mlp));
  }
  return facts;
}

}  // namespace

std::string_view name_of(Precision precision) {
  for (const NamedPrecision& known : kPrecisions) {
    if (known.precision == precision) return known.name;
  }
  return "unknown";
}

Result<Precision> precision_from(std::string_view name) {
  for (const NamedPrecision& known : kPrecisions) {
    if (known.name == name) return known.precision;
  }
  return Error(ErrorCode::kInvalidArgument,
               "no precision '" + std::string(name.substr(0, 32)) + "' (there are: auto, f32, bf16, int8)");
}

struct Engine::Parts {
  Parts(const std::filesystem::path& path, const EngineOptions& options) {
    require_possible(options);
    const Bundle bundle = Bundle::open(path);
    const EncoderWeights weights = read_encoder(bundle, {options.image_size, options.patch_size});
    shape = weights.shape;
    require_images(options.calibration_images, shape);
    std::optional<SelfTest> self_test = read_self_test(bundle);
    const bool usable = self_test && self_test->image_size == shape.image_size &&
                        shape.patch_size == bundle.config().encoder.patch_size;
    if (!usable) self_test.reset();
    const int threads = options.threads > 0 ? options.threads : omp_get_num_procs();
    chosen = within(path.string(), [&] { return choose_backend(weights, self_test, options, threads); });
    max_batch = options.max_batch;
    facts = facts_of(shape, chosen, usable, threads);
    findings = read_findings_head(bundle);
    facts.head = bundle.config().head;
    facts.has_contributions = findings && findings->has_contributions();
  }

  std::int64_t labels() const { return facts.head ? std::int64_t(facts.head->labels.size()) : 0; }

  void require_sizes(std::size_t values, std::int64_t batch, const EngineOutput& output) const {
    constexpr std::int64_t kMost = 1 << 24;
    require(batch >= 0 && batch <= kMost, "the batch must have from 0 to 16777216 images");
    const auto expect = [&](std::size_t have, std::int64_t each, const char* what) {
      if (have != std::size_t(batch) * std::size_t(each))
        fail(ErrorCode::kInvalidArgument, std::string("engine: ") + what + " must hold " + std::to_string(batch) +
                                              " times " + std::to_string(each) + " numbers, it has " +
                                              std::to_string(have));
    };
    expect(values, image_values(shape), "images");
    if (!output.embedding.empty()) expect(output.embedding.size(), shape.width, "embedding");
    if (!output.normalized.empty()) expect(output.normalized.size(), shape.width, "normalized");
    if (!output.patches.empty()) expect(output.patches.size(), shape.patches() * shape.width, "patches");
    require_findings(output);
    if (!output.findings.empty()) expect(output.findings.size(), labels(), "findings");
    if (!output.logits.empty()) expect(output.logits.size(), labels(), "logits");
    if (!output.contributions.empty()) expect(output.contributions.size(), labels() * shape.patches(), "contributions");
  }

  void require_findings(const EngineOutput& output) const {
    const bool wanted = !output.findings.empty() || !output.logits.empty() || !output.contributions.empty();
    require(!wanted || findings != nullptr, "the model has no head, so there are no findings");
    require(output.contributions.empty() || facts.has_contributions,
            "contributions of patches exist only for the heads fc and norm_fc");
  }

  void require_finite(const float* images, std::int64_t first, std::int64_t count) const {
    for (std::int64_t i = 0; i < count; ++i) {
      if (!all_finite(images + i * image_values(shape), std::size_t(image_values(shape))))
        fail(ErrorCode::kInvalidArgument,
             "engine: image " + std::to_string(first + i) + " of the batch has pixels that are not finite");
    }
  }

  /// Images first..first+count-1 of the batch.
  void encode(const float* images, std::int64_t first, std::int64_t count, const EngineOutput& output) const {
    const auto part = [&](std::span<float> whole, std::int64_t each) {
      return whole.empty() ? nullptr : whole.data() + first * each;
    };
    const bool find = !output.findings.empty() || !output.logits.empty() || !output.contributions.empty();
    const bool need_tokens = find && (findings->needs_tokens() || !output.contributions.empty());
    const auto width = std::size_t(shape.width);
    std::vector<float> own_embedding, own_tokens;
    float* normalized = part(output.normalized, shape.width);
    float* embedding = output.embedding.empty() ? normalized : part(output.embedding, shape.width);
    float* tokens = part(output.patches, shape.patches() * shape.width);
    if (find && output.embedding.empty()) embedding = sized(own_embedding, count * shape.width);
    if (need_tokens && tokens == nullptr) tokens = sized(own_tokens, count * shape.patches() * shape.width);
    const float* input = images + first * image_values(shape);
    require_finite(input, first, count);
    chosen.backend->encode(input, count, tokens, embedding);
    if (embedding != nullptr && !all_finite(embedding, std::size_t(count) * width))
      fail(ErrorCode::kUnsupported, "engine: the model overflows on images " + std::to_string(first) + " to " +
                                        std::to_string(first + count - 1) + " of the batch");
    for (std::int64_t i = 0; find && i < count; ++i)
      find_in(tokens == nullptr ? nullptr : tokens + i * shape.patches() * shape.width, embedding + i * shape.width,
              first + i, output);
    for (std::size_t i = 0; normalized != nullptr && i < std::size_t(count); ++i)
      normalize_length(embedding + i * width, width, normalized + i * width);
  }

  static float* sized(std::vector<float>& values, std::int64_t count) {
    values.resize(std::size_t(count));
    return values.data();
  }

  /// Findings of one image; `place` in the batch.
  void find_in(const float* tokens, const float* mean, std::int64_t place, const EngineOutput& output) const {
    const auto count = std::size_t(labels()), at = std::size_t(place) * count;
    std::vector<float> logits(count);
    findings->logits(tokens, shape.patches(), mean, logits.data());
    if (!output.logits.empty()) std::copy(logits.begin(), logits.end(), output.logits.data() + at);
    if (!output.findings.empty()) to_probabilities(*facts.head, logits.data(), output.findings.data() + at);
    if (!output.contributions.empty())
      findings->contributions(tokens, shape.patches(), mean,
                              output.contributions.data() + at * std::size_t(shape.patches()));
  }

  EncoderShape shape;
  ChosenBackend chosen;
  std::unique_ptr<FindingsHead> findings;  // null without a head
  std::int64_t max_batch = 1;
  EngineFacts facts;
};

Engine::Engine(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;
Engine::~Engine() = default;

Result<Engine> Engine::load(const std::filesystem::path& bundle, const EngineOptions& options) {
  return capture([&] { return Engine(std::make_unique<Parts>(bundle, options)); });
}

const EngineFacts& Engine::facts() const { return parts_->facts; }

Result<void> Engine::run(std::span<const float> images, std::int64_t batch, const EngineOutput& output) const {
  return capture([&] {
    parts_->require_sizes(images.size(), batch, output);
    for (std::int64_t first = 0; first < batch; first += parts_->max_batch)
      parts_->encode(images.data(), first, std::min(parts_->max_batch, batch - first), output);
  });
}

Result<EmbeddingBatch> Engine::run(std::span<const float> images, std::int64_t batch, bool with_patches) const {
  return capture([&] {
    parts_->require_sizes(images.size(), batch, {});
    const EncoderShape& shape = parts_->shape;
    EmbeddingBatch result;
    result.embedding.resize(std::size_t(batch * shape.width));
    result.normalized.resize(result.embedding.size());
    if (with_patches) result.patches.resize(std::size_t(batch * shape.patches() * shape.width));
    result.findings.resize(std::size_t(batch * parts_->labels()));
    run(images, batch, {result.embedding, result.normalized, result.patches, result.findings}).value();
    return result;
  });
}

Result<void> Engine::save_calibration(const std::filesystem::path& file) const {
  return capture([&] {
    require(parts_->chosen.calibration.has_value(), "only an int8 engine has a calibration to save");
    write_calibration(file, *parts_->chosen.calibration);
  });
}

}  // namespace chexworld
