// SPDX-License-Identifier: Apache-2.0
#include "stand_ins.h"

#include "base/failure.h"

#include <utility>

namespace chexworld::test {
namespace {

constexpr float kPoison = -1e30F;
constexpr std::int64_t kSide = 2, kValues = 3 * kSide * kSide;

class StandInEncoder final : public BatchEncoder {
 public:
  explicit StandInEncoder(StandInModel model) : model_(std::move(model)) {}

  void run(std::span<const float> images, std::int64_t batch, bool with_patches, EncodedBatch& to) const override {
    if (model_.before_run) model_.before_run();
    to.embedding.clear();
    to.patches.assign(with_patches ? std::size_t(batch) : 0, 7.0F);
    for (std::int64_t i = 0; i < batch; ++i) {
      const float pixel = images[std::size_t(i * kValues)];
      if (pixel == kPoison) fail(ErrorCode::kUnsupported, "the model overflows");
      to.embedding.insert(to.embedding.end(), {float(model_.number), pixel, 1.0F});
    }
    to.normalized = to.embedding;
    to.findings.assign(std::size_t(batch) * model_.labels.size(), 0.75F);
  }

 private:
  StandInModel model_;
};

}  // namespace

void Door::open() {
  const std::lock_guard lock(mutex_);
  open_ = true;
  changed_.notify_all();
}

void Door::wait() {
  std::unique_lock lock(mutex_);
  ++visitors_;
  changed_.notify_all();
  changed_.wait(lock, [&] { return open_; });
}

void Door::wait_for_visitors(int count) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return visitors_ >= count; });
}

Result<PreparedRadiograph> StandInDecoder::decode(const RadiographSource& source, const PreparationRecipe& recipe,
                                                  int /*film_side*/) {
  const auto bytes = std::get<std::span<const std::byte>>(source);
  const auto command = Command(bytes[0]);
  if (command == Command::kDoor) door.wait();
  if (command == Command::kBroken) return Error(ErrorCode::kMalformed, "broken on purpose");
  PreparedRadiograph radiograph;
  if (command == Command::kSkip) {
    radiograph.gate.reason = GateReason::kNotChest;
    return radiograph;
  }
  const float pixel = expected_pixel(std::to_integer<std::uint8_t>(bytes[1]), recipe.normalization.mean[0]);
  radiograph.pixels.assign(std::size_t(kValues), command == Command::kPoison ? kPoison : pixel);
  return radiograph;
}

std::string model_name(int number) { return "model-" + std::to_string(number); }

ModelPointer make_model(const StandInModel& model) {
  auto loaded = std::make_shared<LoadedModel>();
  loaded->facts.model_id = model_name(model.number);
  loaded->facts.engine.channels = 3;
  loaded->facts.engine.image_size = kSide;
  loaded->facts.engine.width = 3;
  PreparationRecipe recipe;
  recipe.normalization.mean[0] = model.recipe_mark;
  loaded->recipe = std::make_shared<const PreparationRecipe>(recipe);
  for (const std::string& label : model.labels)
    loaded->findings.push_back({.name = label, .probability = {}, .threshold = 0.5});
  loaded->domain = model.domain;
  loaded->encoder = std::make_unique<const StandInEncoder>(model);
  return loaded;
}

PipelineItem make_item(Command command, std::uint8_t value, std::uint64_t lane) {
  PipelineItem item;
  item.content = std::vector<std::byte>{std::byte(command), std::byte(value)};
  item.lane = lane;
  item.attributes["value"] = std::to_string(value);
  return item;
}

void StepExecutor::post(std::function<void()> task) {
  const std::lock_guard lock(mutex_);
  tasks_.push_back(std::move(task));
}

void StepExecutor::post_after(std::chrono::nanoseconds, std::function<void()> task) {
  const std::lock_guard lock(mutex_);
  timers_.push_back(std::move(task));
}

void StepExecutor::run_all() {
  for (;;) {
    std::vector<std::function<void()>> tasks;
    {
      const std::lock_guard lock(mutex_);
      tasks = std::exchange(tasks_, {});
    }
    if (tasks.empty()) return;
    for (const auto& task : tasks) task();
  }
}

bool StepExecutor::fire_timers() {
  const std::lock_guard lock(mutex_);
  const bool any = !timers_.empty();
  tasks_.insert(tasks_.end(), timers_.begin(), timers_.end());
  timers_.clear();
  return any;
}

std::size_t StepExecutor::queued() const {
  const std::lock_guard lock(mutex_);
  return tasks_.size();
}

Bench::Bench(const SchedulerOptions& options, ModelPointer model, std::shared_ptr<ResultSink> sink)
    : scheduler(std::make_shared<Scheduler>(options, SchedulerParts{decoder, std::move(sink), &work, &inference},
                                            std::move(model))) {}

ItemPointer Bench::submit(PipelineItem item) {
  return scheduler->submit(
      item,
      [this](PipelineOutcome outcome) {
        const std::lock_guard lock(mutex_);
        outcomes_.push_back(std::move(outcome));
        changed_.notify_all();
      },
      true);
}

void Bench::wait_for_outcomes(std::size_t count) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return outcomes_.size() >= count; });
}

std::vector<PipelineOutcome> Bench::outcomes() {
  const std::lock_guard lock(mutex_);
  return outcomes_;
}

}  // namespace chexworld::test
