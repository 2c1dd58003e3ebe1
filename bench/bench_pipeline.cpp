// SPDX-License-Identifier: Apache-2.0
//
// DICOM in, durable result out: the whole pipeline with ViT-B/16 at 224 pixels against the engine alone on pixels that
// are ready; latency at half of that load; the same while the model is exchanged again and again.
#include "base/failure.h"
#include "base/file.h"
#include "bench/support/report.h"
#include "bench/support/store_sink.h"
#include "infer/onednn_backend.h"
#include "sandbox/decoder.h"
#include "tests/support/encoders.h"
#include "tests/unit/infer/random_bundle.h"

#include <chexworld/pipeline.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <random>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using namespace chexworld;
using Moment = std::chrono::steady_clock::time_point;

constexpr int kRows = 2500, kColumns = 2048;  // a detector of 43 x 35 cm
constexpr int kRounds = 3;
constexpr int kFilmsPerRound = 32;
constexpr std::chrono::seconds kLoadTime{45};

double seconds_since(Moment begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

struct Film {
  const char* name;
  std::vector<std::byte> bytes;
};

test::Picture picture() { return test::synthetic_film(kRows, kColumns, 12); }

/// With a window, as most films have: then no more pixels are decoded than the model needs, where the format allows.
test::ShellImage shell() {
  test::ShellImage shell = test::shell_for(test::Picture{kRows, kColumns, 1, 12, {}});
  shell.window_width = 4096;
  return shell;
}

Film uncompressed() {
  return {"uncompressed", test::native_file(shell(), "1.2.840.10008.1.2.1", test::native_samples(picture()))};
}
Film jpeg2000() {
  return {"JPEG 2000 lossless",
          test::encapsulated_file(shell(), "1.2.840.10008.1.2.4.90", {test::encode_jpeg2000(picture(), 0)})};
}
Film jpeg_lossless() { return {"JPEG lossless", test::encode_with_dcmtk(picture(), "1.2.840.10008.1.2.4.70")}; }

struct Latencies {
  std::vector<double> ms;
  int failed = 0, wrong_model = 0, swaps = 0;

  double percentile(double share) const {
    std::vector<double> sorted = ms;
    std::sort(sorted.begin(), sorted.end());
    return sorted[std::min(sorted.size() - 1, std::size_t(share * double(sorted.size())))];
  }
};

class PipelineBench {
 public:
  PipelineBench(int argc, char** argv) : report_("pipeline", argc, argv) {
    std::filesystem::create_directories(folder_);
    for (unsigned i = 0; i < 2; ++i) test::RandomBundle(shape_, {}, i + 1).write(bundle(i));
    engine_.precision = processor_has(LinearType::kBf16) ? Precision::kBf16 : Precision::kF32;
  }
  ~PipelineBench() { std::filesystem::remove_all(folder_); }
  PipelineBench(const PipelineBench&) = delete;
  PipelineBench& operator=(const PipelineBench&) = delete;

  void throughput(const Film& film, bool sandboxed) {
    Pipeline pipeline = open(film, sandboxed);
    const PipelineModel model = pipeline.model();
    const Engine engine = engine_alone(model);
    const auto ours = [&] { return kFilmsPerRound / bench::seconds([&] { push(pipeline); }); };
    const auto alone = [&] { return kFilmsPerRound / bench::seconds([&] { run_alone(engine, model.streams); }); };
    const std::string name = std::string(film.name) + (sandboxed ? ", sandboxed" : ", in process");
    report_.add(name, bench::in_turn(ours, alone, kRounds), "the engine alone", "images/s", bench::Better::kMore);
    for (const std::string& remark : model.remarks) std::printf("  %s\n", remark.c_str());
  }

  void half_load(const Film& film) {
    Pipeline pipeline = open(film, true);
    push(pipeline);
    const double rate = 0.5 * kFilmsPerRound / bench::seconds([&] { push(pipeline); });
    const Latencies steady = load(pipeline, rate, false);
    const Latencies swapping = load(pipeline, rate, true);
    std::printf("half load, %.2f films/s, %s, sandboxed, stored in SQLite\n", rate, film.name);
    for (const auto& [name, latencies] : {std::pair{"steady", &steady}, std::pair{"exchanging models", &swapping}})
      std::printf(
          "  %-18s %4zu films  p50 %6.0f ms  p99 %6.0f ms  most %6.0f ms  failed %d  wrong model %d  swaps %d\n", name,
          latencies->ms.size(), latencies->percentile(0.5), latencies->percentile(0.99), latencies->percentile(1),
          latencies->failed, latencies->wrong_model, latencies->swaps);
    std::printf("  p99 exchanging / steady: %.2f\n", swapping.percentile(0.99) / steady.percentile(0.99));
    std::fflush(stdout);
  }

 private:
  std::filesystem::path bundle(unsigned number) const {
    return folder_ / ("model-" + std::to_string(number) + ".safetensors");
  }

  std::filesystem::path film_path() const { return folder_ / "film.dcm"; }

  Pipeline open(const Film& film, bool sandboxed) {
    write_file_atomically(film_path(), [&](FileWriter& writer) { writer.write(film.bytes); });
    PipelineOptions options;
    options.engine = engine_;
    std::filesystem::remove(folder_ / "store.sqlite");
    options.sink = std::make_shared<bench::StoreSink>(folder_ / "store.sqlite", shape_.width);
    if (sandboxed) options.decoder = make_sandboxed_decoder().value();
    return Pipeline::open(bundle(0), options).value();
  }

  Engine engine_alone(const PipelineModel& model) const {
    EngineOptions options = engine_;
    options.threads = model.engine.threads;
    return Engine::load(model.bundle, options).value();
  }

  /// As the pipeline divides the processors, whole batches, nothing else going on.
  void run_alone(const Engine& engine, int streams) const {
    const auto images = test::random_images(shape_, engine_.max_batch, 5);
    std::atomic<int> left = kFilmsPerRound;
    std::vector<std::thread> threads;
    for (int i = 0; i < streams; ++i) {
      threads.emplace_back([&] {
        std::vector<float> embedding(std::size_t(engine_.max_batch * shape_.width));
        while (left.fetch_sub(int(engine_.max_batch)) > 0)
          engine.run(images, engine_.max_batch, {.embedding = embedding}).value();
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  void push(Pipeline& pipeline) const {
    for (int i = 0; i < kFilmsPerRound; ++i)
      pipeline
          .submit({.content = film_path()},
                  [](const PipelineOutcome& outcome) {
                    if (!outcome.result) std::printf("  failed: %s\n", outcome.result.error().message().c_str());
                  })
          .value();
    pipeline.drain();
  }

  /// Arrivals at random times (the same ones in every run), whether or not earlier ones have been answered.
  Latencies load(Pipeline& pipeline, double per_second, bool swapping) {
    const std::string ids[] = {inspect_bundle(bundle(0)).value().model_id, inspect_bundle(bundle(1)).value().model_id};
    Latencies latencies;
    std::atomic<bool> stop = false;
    std::thread swapper([&] {
      for (unsigned i = 1; swapping && !stop; ++i, ++latencies.swaps) pipeline.activate(bundle(i % 2)).value();
    });
    std::mt19937 random(7);
    std::exponential_distribution<double> gap(per_second);
    const Moment begin = std::chrono::steady_clock::now();
    double at = 0;
    while ((at += gap(random)) < double(kLoadTime.count())) {
      std::this_thread::sleep_until(begin +
                                    std::chrono::duration_cast<Moment::duration>(std::chrono::duration<double>(at)));
      const double arrived = seconds_since(begin);
      pipeline
          .submit({.content = film_path()},
                  [&, arrived](const PipelineOutcome& outcome) {
                    latencies.ms.push_back(1000 * (seconds_since(begin) - arrived));
                    latencies.failed += !outcome.result.ok();
                    const bool known = outcome.result.ok() &&
                                       (outcome.result->model_id == ids[0] || outcome.result->model_id == ids[1]);
                    latencies.wrong_model += outcome.result.ok() && !known;
                  })
          .value();
    }
    pipeline.drain();
    stop = true;
    swapper.join();
    return latencies;
  }

  const EncoderShape shape_ = test::vit_base_shape();
  bench::Report report_;
  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("bench_pipeline_" + std::to_string(getpid()));
  EngineOptions engine_;
};

}  // namespace

int main(int argc, char** argv) {
  PipelineBench bench(argc, argv);
  const Film plain = uncompressed();
  bench.throughput(plain, true);
  bench.throughput(plain, false);
  bench.throughput(jpeg2000(), true);
  bench.throughput(jpeg_lossless(), true);
  bench.half_load(plain);
}
