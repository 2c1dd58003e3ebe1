// SPDX-License-Identifier: Apache-2.0
//
// Embeddings of ViT-B/16 at 224 pixels: the engine in each precision against LibTorch eager f32, ONNX Runtime f32, and
// the time of the matrix products alone. Seconds per image, same number of threads for all.
#include "bench/gemm_floor.h"
#include "bench/support/peer.h"
#include "bench/support/report.h"
#include "infer/onednn_backend.h"
#include "tests/unit/infer/random_bundle.h"

#include <chexworld/engine.h>
#include <chexworld/model.h>

#include <cstdio>
#include <filesystem>
#include <omp.h>
#include <unistd.h>

namespace {

using namespace chexworld;

constexpr int kRounds = 7;

struct Setting {
  Precision precision;
  LinearType type;
};
constexpr Setting kSettings[] = {
    {Precision::kF32, LinearType::kF32}, {Precision::kBf16, LinearType::kBf16}, {Precision::kInt8, LinearType::kInt8}};

/// A bundle with random weights, removed at the end.
class TemporaryBundle {
 public:
  explicit TemporaryBundle(const EncoderShape& shape)
      : path_(std::filesystem::temp_directory_path() / ("bench_infer_" + std::to_string(getpid()) + ".safetensors")) {
    test::RandomBundle(shape, {}, 1).write(path_);
  }
  ~TemporaryBundle() { std::filesystem::remove(path_); }
  TemporaryBundle(const TemporaryBundle&) = delete;
  TemporaryBundle& operator=(const TemporaryBundle&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class InferBench {
 public:
  InferBench(int argc, char** argv)
      : report_("infer", argc, argv),
        bundle_(shape_),
        eager_(Model::load(bundle_.path()).value()),
        onnx_("infer_onnxruntime.py") {}

  void measure(const Setting& setting) {
    if (!processor_has(setting.type)) {
      std::printf("%s: this processor has no instructions for it\n", std::string(name_of(setting.precision)).c_str());
      return;
    }
    const Engine engine = Engine::load(bundle_.path(), {.precision = setting.precision,
                                                        .calibration_images = test::random_images(shape_, 2, 3),
                                                        .threads = threads_})
                              .value();
    for (const std::int64_t batch : {1, 8}) measure(engine, setting, batch);
  }

 private:
  void measure(const Engine& engine, const Setting& setting, std::int64_t batch) {
    const auto images = test::random_images(shape_, batch, 2);
    std::vector<float> embedding(std::size_t(batch * shape_.width));
    bench::GemmFloor floor(shape_, setting.type, batch, threads_);
    const auto per_image = [&](const auto& action) { return bench::seconds(action) / double(batch); };
    const auto ours = [&] { return per_image([&] { engine.run(images, batch, {.embedding = embedding}).value(); }); };
    const std::string name = std::string(name_of(setting.precision)) + ", batch " + std::to_string(batch);
    const auto against = [&](const std::string& peer, const std::function<double()>& theirs) {
      report_.add(name, bench::in_turn(ours, theirs, kRounds), peer, "s/image", bench::Better::kLess);
    };
    against("LibTorch eager f32",
            [&] { return per_image([&] { eager_.embed(images, batch, shape_.image_size).value(); }); });
    against("ONNX Runtime f32",
            [&] { return onnx_.measure(std::to_string(batch) + " " + std::to_string(threads_)) / double(batch); });
    against("matrix products alone", [&] { return per_image([&] { floor.run(); }); });
  }

  const EncoderShape shape_ = test::vit_base_shape();
  const int threads_ = omp_get_num_procs();
  bench::Report report_;
  TemporaryBundle bundle_;
  Model eager_;
  bench::Peer onnx_;
};

}  // namespace

int main(int argc, char** argv) {
  InferBench bench(argc, argv);
  for (const Setting& setting : kSettings) bench.measure(setting);
}
