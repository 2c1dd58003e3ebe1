// SPDX-License-Identifier: Apache-2.0
//
// `chexworld bench infer`: how fast this machine embeds with a bundle.
#include "base/config.h"
#include "base/failure.h"
#include "cli/commands.h"

#include <chexworld/engine.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace chexworld::cli {
namespace {

struct BenchArguments {
  std::filesystem::path bundle;
  int threads = 0;  // 0: all
  std::vector<std::int64_t> batches{1, 8};
  double seconds = 3;  // per figure
  bool as_json = false;
};

struct Figure {
  std::string precision;
  std::int64_t batch = 1;
  int streams = 1;
  int threads_each = 1;
  double images_per_second = 0;
  double median_ms = 0;  // of one call
};

/// Pictures with soft structure: speed does not depend on what is in them.
std::vector<float> made_images(const EngineFacts& facts, std::int64_t count) {
  std::vector<float> images(std::size_t(count * facts.channels * facts.image_size * facts.image_size));
  for (std::size_t i = 0; i < images.size(); ++i)
    images[i] = std::sin(0.013F * float(i % 65521)) + 0.3F * std::cos(0.37F * float(i % 257));
  return images;
}

/// Calls until the time is over, after one uncounted; milliseconds of each.
std::vector<double> time_calls(const Engine& engine, std::int64_t batch, double seconds) {
  using Clock = std::chrono::steady_clock;
  const std::vector<float> images = made_images(engine.facts(), batch);
  std::vector<float> embedding(std::size_t(batch * engine.facts().width));
  engine.run(images, batch, {.embedding = embedding}).value();
  std::vector<double> times;
  const auto start = Clock::now();
  for (auto before = start; before - start < std::chrono::duration<double>(seconds) || times.size() < 3;) {
    engine.run(images, batch, {.embedding = embedding}).value();
    const auto after = Clock::now();
    times.push_back(std::chrono::duration<double, std::milli>(after - before).count());
    before = after;
  }
  return times;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + std::ptrdiff_t(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// `streams` callers at once.
Figure measure(const Engine& engine, std::int64_t batch, int streams, double seconds) {
  std::vector<std::vector<double>> times(static_cast<std::size_t>(streams));
  std::vector<std::thread> callers;
  for (auto& own : times) callers.emplace_back([&, batch] { own = time_calls(engine, batch, seconds); });
  for (std::thread& caller : callers) caller.join();
  Figure figure{std::string(name_of(engine.facts().precision)), batch, streams, engine.facts().threads};
  std::vector<double> medians;
  for (const auto& own : times) {
    medians.push_back(median(own));
    figure.images_per_second += 1000.0 * double(batch) / medians.back();
  }
  figure.median_ms = median(medians);
  return figure;
}

/// Empty where this processor lacks the instructions. Accuracy is not judged here: random pictures calibrate int8.
std::optional<Engine> engine_for(const BenchArguments& arguments, Precision precision, int threads,
                                 std::vector<std::string>& remarks) {
  EngineOptions options{.precision = precision, .least_cosine_bf16 = -1, .least_cosine_int8 = -1, .threads = threads};
  options.max_batch = *std::max_element(arguments.batches.begin(), arguments.batches.end());
  if (precision == Precision::kInt8) {
    const Engine f32 = Engine::load(arguments.bundle, {.precision = Precision::kF32, .threads = threads}).value();
    options.calibration_images = made_images(f32.facts(), 2);
  }
  auto engine = Engine::load(arguments.bundle, options);
  if (engine.ok()) return std::move(engine).value();
  if (engine.error().code() != ErrorCode::kUnsupported) throw Failure(engine.error());
  remarks.push_back(engine.error().message());
  return std::nullopt;
}

void print(const Figure& figure) {
  std::printf("%-5s batch %-3lld %d x %d thread%s  %8.1f ms/call  %8.2f images/s\n", figure.precision.c_str(),
              static_cast<long long>(figure.batch), figure.streams, figure.threads_each,
              figure.threads_each == 1 ? " " : "s", figure.median_ms, figure.images_per_second);
  std::fflush(stdout);
}

Json to_json(const Figure& figure) {
  return {{"precision", figure.precision}, {"batch", figure.batch},
          {"streams", figure.streams},     {"threads_each", figure.threads_each},
          {"median_ms", figure.median_ms}, {"images_per_second", figure.images_per_second}};
}

void bench_infer(const BenchArguments& arguments) {
  const int threads =
      arguments.threads > 0 ? arguments.threads : int(std::max(1U, std::thread::hardware_concurrency()));
  std::vector<std::string> remarks;
  Json figures = Json::array();
  const auto take = [&](const Figure& figure) {
    arguments.as_json ? figures.push_back(to_json(figure)) : print(figure);
  };
  for (const Precision precision : {Precision::kF32, Precision::kBf16, Precision::kInt8}) {
    const auto engine = engine_for(arguments, precision, threads, remarks);
    if (!engine) continue;
    for (const std::int64_t batch : arguments.batches) take(measure(*engine, batch, 1, arguments.seconds));
    if (threads == 1) continue;
    const auto single = engine_for(arguments, precision, 1, remarks);
    take(measure(*single, arguments.batches.front(), threads, arguments.seconds));
  }
  if (arguments.as_json)
    std::printf("%s\n", Json{{"threads", threads}, {"figures", figures}, {"remarks", remarks}}.dump(2).c_str());
  for (const std::string& remark : remarks)
    if (!arguments.as_json) std::printf("%s\n", remark.c_str());
}

}  // namespace

void add_bench(CLI::App& application) {
  CLI::App* bench = application.add_subcommand("bench", "Measure this machine");
  bench->require_subcommand(1);
  const auto arguments = std::make_shared<BenchArguments>();
  CLI::App* infer = bench->add_subcommand("infer", "Images per second of a bundle in every precision");
  infer->add_option("BUNDLE", arguments->bundle, "Model bundle")->required();
  infer->add_option("--threads", arguments->threads, "Threads (default: all); as one stream, and as one stream each")
      ->check(CLI::Range(1, 1024));
  infer->add_option("--batch", arguments->batches, "Batch sizes (default: 1,8)")
      ->delimiter(',')
      ->check(CLI::Range(1, 256));
  infer->add_option("--seconds", arguments->seconds, "Time per figure")
      ->capture_default_str()
      ->check(CLI::Range(0.1, 600.0));
  infer->add_flag("--json", arguments->as_json, "Print JSON");
  infer->callback([arguments] { bench_infer(*arguments); });
}

}  // namespace chexworld::cli
