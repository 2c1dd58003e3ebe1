// SPDX-License-Identifier: Apache-2.0
#include "pipeline/bundle_loader.h"

#include "base/failure.h"
#include "base/file.h"
#include "bundle/bundle.h"
#include "pipeline/film_facts.h"
#include "pipeline/item.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <sys/stat.h>
#include <thread>
#include <utility>

namespace chexworld {
namespace {

class EngineEncoder final : public BatchEncoder {
 public:
  explicit EngineEncoder(Engine engine) : engine_(std::move(engine)) {}

  void run(std::span<const float> images, std::int64_t batch, bool with_patches, EncodedBatch& to) const override {
    const EngineFacts& facts = engine_.facts();
    to.embedding.resize(std::size_t(batch * facts.width));
    to.normalized.resize(to.embedding.size());
    to.patches.resize(with_patches ? std::size_t(batch * facts.patches * facts.width) : 0);
    to.findings.resize(facts.head ? std::size_t(batch) * facts.head->labels.size() : 0);
    engine_.run(images, batch, {to.embedding, to.normalized, to.patches, to.findings}).value();
  }

 private:
  Engine engine_;
};

/// Which file a path means, to notice when it is exchanged while it is read.
struct FileIdentity {
  dev_t device;
  ino_t inode;
  off_t size;
  std::int64_t changed_ns;

  explicit FileIdentity(const std::filesystem::path& path) {
    struct stat status{};
    if (stat(path.c_str(), &status) != 0) fail_errno("opening " + path.string(), errno);
    device = status.st_dev;
    inode = status.st_ino;
    size = status.st_size;
    changed_ns = std::int64_t(status.st_mtim.tv_sec) * 1'000'000'000 + status.st_mtim.tv_nsec;
  }
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

void require_id(const std::filesystem::path& path, const std::string& model_id, std::string_view expected) {
  if (expected.empty() || expected == model_id) return;
  fail(ErrorCode::kMalformed, path.string() + ": its SHA-256 is " + model_id + ", expected " +
                                  std::string(expected.substr(0, 64)) + "; copy the bundle again");
}

/// The sizes of batches that occur: 1, 2, 4, ..., max_batch.
std::vector<std::int64_t> batch_sizes(std::int64_t largest) {
  std::vector<std::int64_t> sizes;
  for (std::int64_t size = 1; size < largest; size *= 2) sizes.push_back(size);
  sizes.push_back(largest);
  return sizes;
}

std::vector<float> blank_images(const Engine& engine, std::int64_t batch) {
  const EngineFacts& facts = engine.facts();
  return std::vector<float>(std::size_t(batch * facts.channels * facts.image_size * facts.image_size), 0.5F);
}

/// Runs `action(stream)` on as many threads as there are streams; rethrows the first failure.
void on_all_streams(int streams, const std::function<void()>& action) {
  std::vector<Result<void>> outcomes(static_cast<std::size_t>(streams));
  std::vector<std::thread> threads;
  for (Result<void>& outcome : outcomes) threads.emplace_back([&] { outcome = capture(action); });
  for (std::thread& thread : threads) thread.join();
  for (const Result<void>& outcome : outcomes) outcome.value();
}

/// Images per second of all streams together, the better of two rounds.
double speed_of(const Engine& engine, int streams, std::int64_t batch) {
  const std::vector<float> images = blank_images(engine, batch);
  double best = 0;
  for (int round = 0; round < 3; ++round) {  // the first one warms
    const Moment begin = std::chrono::steady_clock::now();
    on_all_streams(streams, [&] {
      std::vector<float> embedding(std::size_t(batch * engine.facts().width));
      engine.run(images, batch, {.embedding = embedding}).value();
    });
    const double seconds = milliseconds_between(begin, std::chrono::steady_clock::now()) / 1000;
    if (round > 0) best = std::max(best, double(batch) * streams / seconds);
  }
  return best;
}

std::string speed_text(int streams, double images_per_second) {
  char text[64];
  std::snprintf(text, sizeof text, "%d: %.1f images/s", streams, images_per_second);
  return text;
}

int available_processors() { return std::max(1, int(std::thread::hardware_concurrency())); }

EngineOptions with_threads_set(EngineOptions options) {
  if (options.threads <= 0) options.threads = available_processors();
  return options;
}

}  // namespace

PreparationRecipe recipe_for(const std::filesystem::path& bundle, const Json& preprocessing, std::int64_t trained_size,
                             std::int64_t image_size) {
  PreparationRecipe recipe = recipe_from_json(preprocessing, bundle.string() + ": preprocessing");
  const bool says_size = preprocessing.contains("crop") || preprocessing.contains("resize");
  if (says_size && recipe.side() != trained_size)
    fail(ErrorCode::kMalformed, bundle.string() + ": preprocessing gives pictures of " + std::to_string(recipe.side()) +
                                    " pixels, but the encoder takes " + std::to_string(trained_size));
  if (recipe.side() != image_size) {
    recipe.size.resize = int(std::lround(double(recipe.size.resize) * double(image_size) / recipe.size.crop));
    recipe.size.crop = int(image_size);
    require_possible(recipe);
  }
  return recipe;
}

BundleLoader::BundleLoader(const EngineOptions& engine, int streams)
    : options_(with_threads_set(engine)), streams_(options_.threads == 1 && streams == 0 ? 1 : streams) {}

Engine BundleLoader::load_engine(const std::filesystem::path& bundle, int streams) const {
  EngineOptions options = options_;
  options.threads = std::max(1, options_.threads / streams);
  return Engine::load(bundle, options).value();
}

/// One stream of all threads, or two of half: which is faster depends on processor and model.
Engine BundleLoader::load_fastest(const std::filesystem::path& bundle) {
  const std::int64_t batch = std::min<std::int64_t>(options_.max_batch, 4);
  Engine one = load_engine(bundle, 1);
  Engine two = load_engine(bundle, 2);
  const double speed_of_one = speed_of(one, 1, batch), speed_of_two = speed_of(two, 2, batch);
  const bool takes_two = speed_of_two > speed_of_one;
  streams_ = takes_two ? 2 : 1;
  remark_ = "streams measured, " + speed_text(1, speed_of_one) + ", " + speed_text(2, speed_of_two);
  return takes_two ? std::move(two) : std::move(one);
}

void BundleLoader::warm(const Engine& engine) const {
  on_all_streams(streams_, [&] {
    for (const std::int64_t batch : batch_sizes(options_.max_batch)) {
      std::vector<float> embedding(std::size_t(batch * engine.facts().width));
      engine.run(blank_images(engine, batch), batch, {.embedding = embedding}).value();
    }
  });
}

ModelPointer BundleLoader::load(const std::filesystem::path& path, std::string_view expected_id) {
  const FileIdentity identity(path);
  const auto model = std::make_shared<LoadedModel>();
  PipelineModel& facts = model->facts;
  facts.bundle = path;
  const Bundle bundle = Bundle::open(path);
  facts.model_id = bundle.model_id();
  require_id(path, facts.model_id, expected_id);
  const EncoderShape& shape = bundle.config().encoder;
  if (shape.channels != 3)
    fail(ErrorCode::kUnsupported, path.string() + ": the encoder takes " + std::to_string(shape.channels) +
                                      " channels; radiographs are prepared with 3");
  model->recipe = std::make_shared<const PreparationRecipe>(
      recipe_for(path, bundle.config().preprocessing, shape.image_size,
                 options_.image_size > 0 ? options_.image_size : shape.image_size));
  Engine engine = streams_ == 0 ? load_fastest(path) : load_engine(path, streams_);
  if (FileIdentity(path) != identity)
    fail(ErrorCode::kConflict, path.string() + ": was replaced while it was read; try again");
  within(path.string() + ": trying it out", [&] { warm(engine); });
  facts.engine = engine.facts();
  if (facts.engine.head) {
    for (const BundleLabel& label : facts.engine.head->labels) {
      facts.labels.push_back(label.name);
      model->findings.push_back({.name = label.name, .probability = {}, .threshold = label.threshold});
    }
    model->domain = bundle.config().domain;
    if (model->domain) within(path.string(), [&] { require_known_notes(*model->domain); });
  }
  facts.streams = streams_;
  facts.remarks = engine.facts().remarks;
  if (!remark_.empty()) facts.remarks.push_back(remark_);
  model->encoder = std::make_unique<const EngineEncoder>(std::move(engine));
  return model;
}

}  // namespace chexworld
