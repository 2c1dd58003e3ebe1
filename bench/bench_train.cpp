// SPDX-License-Identifier: Apache-2.0
//
// One pre-training update end to end: films become views, contexts and masks on a worker thread; losses, gradients,
// clipping, AdamW, moving average (ViT-S/16 at 224 pixels, batch 16). The peer does the same in plain PyTorch with
// Pillow in a worker process; before anything is timed, both must give one loss for one batch.
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

namespace {

using namespace chexworld;
namespace fs = std::filesystem;

constexpr int kFilmSide = 320, kFilms = 64, kSteps = 2, kRounds = 3;
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

/// Model, optimiser and loader as a run has them.
class Ours {
 public:
  Ours(const Archive& archive, const PretrainConfig& config)
      : model_(world_model_config(config)),
        optimizer_(pretraining_groups(begun().parameters(), config.weight_decay)),
        step_(model_, optimizer_, step_options(config)),
        loader_(archive, films(), config.loader(0, 1)) {}

  const WorldModel& model() const { return model_; }
  LoadedBatch first_batch() const { return loader_.make(0); }

  double loss(const DualViewBatch& batch) const {
    const c10::NoGradGuard no_gradient;
    return world_model_loss(model_, batch, {}).loss.item<double>();
  }

  double seconds_per_step() {
    const double waited = loader_.waited_seconds();
    const double seconds = bench::seconds([&] {
      for (int i = 0; i < kSteps; ++i) one();
    });
    wait_share_ = (loader_.waited_seconds() - waited) / seconds;
    return seconds / kSteps;
  }
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
  void one() { step_(iteration_++, tensors_of(loader_.next()), {1e-4, 0.05, 0.996}); }

  WorldModel model_;
  AdamW optimizer_;
  PretrainingStep step_;
  Loader loader_;
  std::int64_t iteration_ = 0;
  double wait_share_ = 0;
};

/// Weights, one batch and the films, for the peer.
void write_for_peer(const fs::path& path, const Ours& ours, const DualViewBatch& batch, const Archive& archive) {
  State state;
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

void compare(bench::Report& report, bench::Peer& peer, const Archive& archive, const fs::path& scratch, bool bf16) {
  const PretrainConfig config = small_config(bf16);
  Ours ours(archive, config);
  const DualViewBatch batch = tensors_of(ours.first_batch());
  write_for_peer(scratch / "peer.safetensors", ours, batch, archive);
  peer.measure(Json{{"do", "load"},
                    {"file", scratch / "peer.safetensors"},
                    {"config", peer_config(config, ours.model())},
                    {"threads", at::get_num_threads()}}
                   .dump());
  const double our_loss = ours.loss(batch), peer_loss = peer.measure(R"({"do": "loss"})");
  std::printf("loss of one batch: ours %.7f, peer %.7f\n", our_loss, peer_loss);
  if (std::abs(our_loss - peer_loss) > 1e-5 * our_loss)
    fail(ErrorCode::kInternal, "the peer computes something else: its time says nothing");
  const std::string order = Json{{"do", "train"}, {"steps", kSteps}, {"bf16", bf16}, {"workers", kWorkers}}.dump();
  report.add(bf16 ? "ViT-S/16, batch 16, bf16" : "ViT-S/16, batch 16, f32",
             bench::in_turn([&] { return ours.seconds_per_step(); }, [&] { return peer.measure(order); }, kRounds),
             "plain PyTorch", "s", bench::Better::kLess);
  std::printf("our share of time waiting for data: %.1f %%\n", 100 * ours.wait_share());
}

}  // namespace

int main(int argc, char** argv) {
  const ScratchFolder scratch;
  const Archive archive = made_up_archive(scratch.path / "archive");
  bench::Report report("train", argc, argv);
  bench::Peer peer("train_pytorch.py");
  for (const bool bf16 : {false, true}) compare(report, peer, archive, scratch.path, bf16);
}
