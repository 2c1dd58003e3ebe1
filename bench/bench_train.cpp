// SPDX-License-Identifier: Apache-2.0
//
// One pre-training update end to end: films become views, contexts and masks on a worker thread; losses, gradients,
// clipping, AdamW, moving average (ViT-S/16 at 224 pixels, batch 16). The peer does the same in plain PyTorch with
// Pillow in a worker process; before anything is timed, both must give one loss for one batch, before and after
// updates on it.
#include "base/config.h"
#include "base/failure.h"
#include "bench/support/peer.h"
#include "bench/support/report.h"
#include "nn/position.h"
#include "nn/tensor_convert.h"
#include "trainer/run/pretraining.h"
#include "worldmodel/view_batch.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/resource.h>

namespace {

using namespace chexworld;
namespace fs = std::filesystem;

constexpr int kFilmSide = 320, kFilms = 64, kSteps = 2;
constexpr int kWorkers = 1;

struct ScratchFolder {
  fs::path path;
  ScratchFolder() {
    std::string name = (fs::temp_directory_path() / "chexworld-bench-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) fail(ErrorCode::kInputOutput, "cannot make a temporary folder");
    path = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
};

ArchiveFilm made_up_film(int number) {
  ArchiveFilm film;
  film.size = {kFilmSide, kFilmSide};
  for (int y = 0; y < kFilmSide; ++y)
    for (int x = 0; x < kFilmSide; ++x)
      film.pixels.push_back(std::byte(int(128 + 90 * std::sin(x * 0.05 + number) * std::cos(y * 0.07)) + (x * y) % 7));
  film.source[0] = std::byte(number);
  return film;
}

Archive made_up_archive(const fs::path& folder) {
  ArchiveSettings settings;
  settings.short_side = kFilmSide;
  ArchiveWriter writer(folder, settings, 1 << 30);
  for (int i = 0; i < kFilms; ++i) writer.add(made_up_film(i));
  writer.finish();
  return Archive::open(folder);
}

PretrainConfig small_config(bool bf16) {
  PretrainConfig config;
  config.arch = "vit_small";
  config.batch_size = 16;
  config.workers = kWorkers;
  config.bf16 = bf16;
  return config;
}

DualViewBatch tensors_of(const LoadedBatch& loaded) {
  return view_batch(stack_dual_views(loaded.views, at::kCPU), loaded.plans, loaded.masks, loaded.shuffle,
                    Normalization());
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& time) { return double(time.tv_sec) + 1e-6 * double(time.tv_usec); };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

/// Model, optimiser and loader as a run has them.
class Ours {
 public:
  Ours(const Archive& archive, const PretrainConfig& config)
      : model_(world_model_config(config)),
        optimizer_(pretraining_groups(begun().parameters(), config.weight_decay)),
        step_(model_, optimizer_, step_options(config)),
        loader_(archive, films(), config.loader(0, 1)),
        first_(tensors_of(loader_.make(0))) {}

  const WorldModel& model() const { return model_; }
  const DualViewBatch& first_batch() const { return first_; }

  /// In single precision, whatever the training's.
  double loss() const {
    const c10::NoGradGuard no_gradient;
    return world_model_loss(model_, first_, {}).loss.item<double>();
  }
  /// The first batch's loss after training on it.
  double loss_after(int updates) {
    for (int i = 0; i < updates; ++i) update(first_);
    return loss();
  }

  double seconds_per_step() {
    const double waited = loader_.waited_seconds(), cpu = cpu_seconds();
    const double seconds = bench::seconds([&] {
      for (int i = 0; i < kSteps; ++i) update(next());
    });
    wait_share_ = (loader_.waited_seconds() - waited) / seconds;
    cpu_per_step_ = (cpu_seconds() - cpu) / kSteps;
    return seconds / kSteps;
  }
  /// Of the last seconds_per_step().
  double cpu_per_step() const { return cpu_per_step_; }
  double wait_share() const { return wait_share_; }

 private:
  WorldModel& begun() {
    model_.initialise(1);
    model_.copy_encoder_to_target();
    return model_;
  }
  static std::vector<std::int64_t> films() {
    std::vector<std::int64_t> all(kFilms);
    for (int i = 0; i < kFilms; ++i) all[std::size_t(i)] = i;
    return all;
  }
  /// New views, with the index sets of the first batch, which the peer uses: both sides compute equally much.
  DualViewBatch next() {
    DualViewBatch batch = tensors_of(loader_.next());
    batch.context_positions1 = first_.context_positions1;
    batch.context_positions2 = first_.context_positions2;
    batch.target_positions1 = first_.target_positions1;
    batch.target_positions2 = first_.target_positions2;
    return batch;
  }
  void update(const DualViewBatch& batch) { step_(iteration_++, batch, {1e-4, 0.05, 0.996}); }

  WorldModel model_;
  AdamW optimizer_;
  PretrainingStep step_;
  Loader loader_;
  const DualViewBatch first_;
  std::int64_t iteration_ = 0;
  double wait_share_ = 0, cpu_per_step_ = 0;
};

/// Weights, one batch and the films, for the peer.
void write_for_peer(const fs::path& path, const Ours& ours, const Archive& archive) {
  State state;
  const DualViewBatch& batch = ours.first_batch();
  for (const auto& [name, tensor] : ours.model().state()) state["model/" + name] = tensor.detach().contiguous();
  const PredictorConfig& predictor = ours.model().predictor().config();
  const auto query = [&](const at::Tensor& relative, const at::Tensor& positions) {
    return relative_position_encoding(relative, positions, predictor.width, predictor.grid).contiguous();
  };
  const at::Tensor still = at::zeros_like(batch.relative_position21);
  const State parts{{"view1", batch.view1},
                    {"view2", batch.view2},
                    {"augmented1", batch.augmented1},
                    {"augmented2", batch.augmented2},
                    {"action1", batch.action1},
                    {"action2", batch.action2},
                    {"context1", batch.context_positions1},
                    {"context2", batch.context_positions2},
                    {"target1", batch.target_positions1},
                    {"target2", batch.target_positions2},
                    {"query11", query(still, batch.target_positions1)},
                    {"query22", query(still, batch.target_positions2)},
                    {"query21", query(batch.relative_position21, batch.target_positions2)},
                    {"query12", query(batch.relative_position12, batch.target_positions1)}};
  for (const auto& [name, tensor] : parts) state["batch/" + name] = tensor.contiguous();
  at::Tensor films = at::empty({kFilms, kFilmSide, kFilmSide}, at::kByte);
  for (int i = 0; i < kFilms; ++i)
    std::memcpy(films[i].mutable_data_ptr(), archive.film(i).pixels.data(), std::size_t(kFilmSide) * kFilmSide);
  state["films"] = films;
  TensorMap views;
  for (const auto& [name, tensor] : state) views[name] = view_of(tensor);
  write_safetensors(path, views, {});
}

Json peer_config(const PretrainConfig& config, const WorldModel& model) {
  const EncoderConfig& encoder = model.config().encoder;
  return {{"width", encoder.width},          {"depth", encoder.depth},          {"heads", encoder.heads},
          {"patch", encoder.patch_size},     {"grid", encoder.grid()},          {"size", encoder.image_size},
          {"pred_width", config.pred_width}, {"pred_depth", config.pred_depth}, {"batch", config.batch_size}};
}

void require_close(const std::string& what, double ours, double peer, double relative) {
  std::printf("%s: ours %.6f, peer %.6f\n", what.c_str(), ours, peer);
  if (std::abs(ours - peer) > relative * peer)
    fail(ErrorCode::kInternal, "the two sides compute different things: their times say nothing");
}

/// Both sides from the same weights on the same batch, before anything is timed.
void require_equal_losses(bench::Peer& peer, const Archive& archive) {
  constexpr int kUpdates = 3;
  const double peer_after = peer.measure(Json{{"do", "fit"}, {"updates", kUpdates}}.dump());
  const auto after = [&](bool bf16) { return Ours(archive, small_config(bf16)).loss_after(kUpdates); };
  require_close("loss of one batch after 3 updates, f32", after(false), peer_after, 1e-4);
  require_close("the same, ours in bf16", after(true), peer_after, 5e-3);
}

struct Case {
  const char* name;
  bool our_bf16, peer_bf16;
  int rounds;
};

void compare(bench::Report& report, bench::Peer& peer, const Archive& archive, const Case& shape) {
  Ours ours(archive, small_config(shape.our_bf16));
  const std::string order =
      Json{{"do", "train"}, {"steps", kSteps}, {"bf16", shape.peer_bf16}, {"workers", kWorkers}}.dump();
  std::vector<double> our_cpu, peer_cpu, waits;
  const bench::Comparison wall = bench::in_turn(
      [&] {
        const double seconds = ours.seconds_per_step();
        our_cpu.push_back(ours.cpu_per_step());
        waits.push_back(ours.wait_share());
        return seconds;
      },
      [&] {
        const double seconds = peer.measure(order);
        peer_cpu.push_back(peer.measure(R"({"do": "cpu"})"));
        return seconds;
      },
      shape.rounds);
  const std::string name = shape.name;
  report.add(name, wall, "plain PyTorch", "s", bench::Better::kLess);
  report.add(name + ", CPU time", {bench::spread_of(our_cpu), bench::spread_of(peer_cpu)}, "plain PyTorch", "s",
             bench::Better::kLess);
  std::printf("our share of time waiting for data: %.1f %%\n", 100 * bench::spread_of(waits).median);
}

}  // namespace

int main(int argc, char** argv) {
  const ScratchFolder scratch;
  const Archive archive = made_up_archive(scratch.path / "archive");
  bench::Report report("train", argc, argv);
  bench::Peer peer("train_pytorch.py");
  {
    const PretrainConfig config = small_config(false);
    const Ours ours(archive, config);
    write_for_peer(scratch.path / "peer.safetensors", ours, archive);
    peer.measure(Json{{"do", "load"},
                      {"file", scratch.path / "peer.safetensors"},
                      {"config", peer_config(config, ours.model())},
                      {"threads", at::get_num_threads()}}
                     .dump());
    require_close("loss of one batch, f32", ours.loss(), peer.measure(R"({"do": "loss"})"), 1e-5);
  }
  require_equal_losses(peer, archive);
  // LibTorch's attention is slow in bf16 on the CPU, so the peer's best is f32: ours in bf16 has to beat that.
  compare(report, peer, archive, {"ViT-S/16, batch 16, f32", false, false, 3});
  compare(report, peer, archive, {"ours bf16, peer f32", true, false, 3});
  compare(report, peer, archive, {"ours bf16, peer bf16", true, true, 1});
}
