// SPDX-License-Identifier: Apache-2.0
#include "base/failure.h"
#include "base/log.h"
#include "sandbox/decoder_child.h"
#include "sandbox/prepare_radiograph.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace chexworld {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr milliseconds kFirstPause{100}, kLongestPause{5'000};  // between attempts to start a process

/// Callers take an idle process, use it without a lock, and bring it back. One thread, the keeper, starts processes:
/// each dies with the thread that started it, so that must not be a caller's.
class SandboxedDecoder final : public RadiographDecoder {
 public:
  explicit SandboxedDecoder(const SandboxOptions& options) : options_(options) {
    if (options.processes < 1 || options.objects_per_process < 1 || options.deadline.count() < 1)
      fail(ErrorCode::kInvalidArgument, "decoder processes, objects per process and deadline must be positive");
    executable_ = find_decoder(options.executable);
    keeper_ = std::jthread([this](std::stop_token stop) { keep(stop); });
  }

  /// Throws Failure(kUnavailable) unless the first process stands.
  void require_started() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !idle_.empty() || start_failure_; });
    if (idle_.empty()) throw Failure(*start_failure_);
    const DecoderReady& walls = idle_.back()->ready();
    if (!walls.filtered) log_warning("decoder processes run without a system call filter: seccomp is not available");
  }

  Result<PreparedRadiograph> decode(const RadiographSource& source, const PreparationRecipe& recipe,
                                    int film_side) override {
    auto result = capture([&] { return decode_elsewhere(source, {recipe, film_side}); });
    const std::scoped_lock lock(mutex_);
    ++counts_.decoded;
    return result;
  }

  DecoderCounts counts() const override {
    const std::scoped_lock lock(mutex_);
    return counts_;
  }

 private:
  using Child = std::unique_ptr<DecoderChild>;

  PreparedRadiograph decode_elsewhere(const RadiographSource& source, const DecodeRequest& request);
  Child take();
  void bring_back(Child child);
  void count_loss(ErrorCode code);
  void keep(const std::stop_token& stop);

  const SandboxOptions options_;
  std::filesystem::path executable_;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<Child> idle_;             // guarded by mutex_; the last one was used last
  int alive_ = 0;                       // guarded by mutex_; idle, in use or being started
  std::optional<Error> start_failure_;  // guarded by mutex_; of the last attempt
  DecoderCounts counts_;                // guarded by mutex_

  std::jthread keeper_;  // last, so that it ends first
};

SandboxedDecoder::Child SandboxedDecoder::take() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return !idle_.empty() || (start_failure_ && alive_ == 0); });
    if (idle_.empty()) throw Failure(*start_failure_);
    Child child = std::move(idle_.back());
    idle_.pop_back();
    if (child->alive()) return child;
    --alive_;  // ended while idle, by somebody else: no object's fault
    changed_.notify_all();
  }
}

/// Without a child: it is lost, or has served long enough.
void SandboxedDecoder::bring_back(Child child) {
  const std::scoped_lock lock(mutex_);
  if (child)
    idle_.push_back(std::move(child));
  else
    --alive_;
  changed_.notify_all();
}

void SandboxedDecoder::count_loss(ErrorCode code) {
  const std::scoped_lock lock(mutex_);
  if (code == ErrorCode::kTimeout) ++counts_.timed_out;
  if (code == ErrorCode::kInternal) ++counts_.crashed;
  if (code == ErrorCode::kResourceExhausted) ++counts_.out_of_memory;
}

PreparedRadiograph SandboxedDecoder::decode_elsewhere(const RadiographSource& source, const DecodeRequest& request) {
  require_possible(request.recipe);
  require_film_side(request.film_side);
  Child child = take();
  std::optional<WireMessage> reply;
  try {
    reply = child->ask(source, request);
  } catch (const Failure&) {  // the source cannot be had; nothing was asked
    bring_back(std::move(child));
    throw;
  }
  auto answer = reply ? capture([&] { return answer_in(std::move(*reply), request).value(); })
                      : Result<PreparedRadiograph>(error_of(child->end(), options_));
  const ErrorCode code = answer.ok() ? ErrorCode::kMalformed : answer.error().code();
  count_loss(code);
  // One that ran out of memory or into an unknown exception may be damaged.
  const bool sound = reply && code != ErrorCode::kInternal && code != ErrorCode::kResourceExhausted;
  bring_back(sound && child->asked() < options_.objects_per_process ? std::move(child) : nullptr);
  PreparedRadiograph radiograph = std::move(answer).value();
  fill_pixels(radiograph, request.recipe.normalization);
  return radiograph;
}

void SandboxedDecoder::keep(const std::stop_token& stop) {
  milliseconds pause = kFirstPause;
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      if (!changed_.wait(lock, stop, [&] { return alive_ < options_.processes; })) return;
      ++alive_;
    }
    auto started = capture([&] { return std::make_unique<DecoderChild>(executable_, options_); });
    std::unique_lock lock(mutex_);
    if (started.ok()) {
      ++counts_.started;
      idle_.push_back(std::move(*started));
      start_failure_.reset();
      pause = kFirstPause;
      changed_.notify_all();
      continue;
    }
    --alive_;
    start_failure_ = started.error();
    changed_.notify_all();
    changed_.wait_for(lock, stop, pause, [] { return false; });
    pause = std::min(2 * pause, kLongestPause);
  }
}

}  // namespace

Result<std::unique_ptr<RadiographDecoder>> make_sandboxed_decoder(const SandboxOptions& options) {
  return capture([&]() -> std::unique_ptr<RadiographDecoder> {
    auto decoder = std::make_unique<SandboxedDecoder>(options);
    decoder->require_started();
    return decoder;
  });
}

}  // namespace chexworld
