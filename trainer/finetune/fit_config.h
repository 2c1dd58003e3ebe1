// SPDX-License-Identifier: Apache-2.0
//
// What can be chosen about a fine-tuning run whatever is learnt. Names follow the literature; the same ones stand in
// TOML files, on the command line (--layer-decay for layer_decay) and in config.json.
#pragma once

#include "trainer/run/settings.h"
#include "views/dual_view.h"
#include "views/schedules.h"

#include <chexworld/model.h>

#include <string>

namespace chexworld {

struct FitConfig {
  // the encoder
  std::int64_t image_size = 0;  ///< pixels; 0: the encoder's
  double drop_path = 0.1;
  bool freeze_encoder = false;  ///< only head or decoder are trained
  bool gradient_checkpointing = false;

  // augmentation
  Range crop_scale{0.4, 1}, crop_aspect{0.75, 4.0 / 3};
  double hflip = 0.5;
  double jitter_prob = 0.8, jitter_brightness = 0.4, jitter_contrast = 0.4;

  // the optimisation
  std::int64_t batch_size = 32, epochs = 20, warmup_epochs = 2;
  double lr = 1e-3, min_lr = 1e-6;
  double layer_decay = 0.75, weight_decay = 0.05;
  double clip_grad = 1;
  bool bf16 = false;
  std::int64_t seed = 0, seeds = 1;  ///< seeds: whole runs, with seed, seed + 1, ...
  std::int64_t patience = 0;         ///< epochs without a better validation until the run stops; 0: never

  // what judges
  std::int64_t validation_parts = 5;     ///< one part in so many of the films that train chooses and calibrates
  std::int64_t bootstrap_samples = 500;  ///< of intervals
  bool refit = true;                     ///< after cross-validation: one more model, on the films of all folds

  // the machine
  std::string device = "cpu";
  std::int64_t workers = 1, threads = 0;

  DualViewSettings views(std::int64_t side) const;  ///< only crop, jitter and flip count
  EpochSchedule schedule() const;
};

/// Calls `visit(key, member, allowed, help)` for every setting of a FitConfig: the one list of them.
template <class Config, class Visitor>
void each_fit_setting(Config& c, Visitor&& visit) {
  constexpr WholeSetting count{0, 1'000'000'000}, size{1, 1'000'000};
  constexpr RealSetting share{0, 1}, factor{0, 1e6};
  visit("image_size", c.image_size, count, "side of the pictures, pixels; 0: the encoder's");
  visit("drop_path", c.drop_path, RealSetting{0, 0.95}, "stochastic depth of the last block");
  visit("freeze_encoder", c.freeze_encoder, size, "train only the head or decoder");
  visit("gradient_checkpointing", c.gradient_checkpointing, size, "less memory for more time");
  visit("crop_scale", c.crop_scale, share, "area of a training picture as a share of the film");
  visit("crop_aspect", c.crop_aspect, RealSetting{0.01, 100}, "its width over its height");
  visit("hflip", c.hflip, share, "probability of mirroring it");
  visit("jitter_prob", c.jitter_prob, share, "probability of jitter of the film");
  visit("jitter_brightness", c.jitter_brightness, share, "largest change of brightness in it");
  visit("jitter_contrast", c.jitter_contrast, share, "largest change of contrast in it");
  visit("batch_size", c.batch_size, size, "films per update");
  visit("epochs", c.epochs, size, "walks through the films");
  visit("warmup_epochs", c.warmup_epochs, count, "with rising learning rate");
  visit("lr", c.lr, factor, "largest learning rate, of head or decoder");
  visit("min_lr", c.min_lr, factor, "learning rate that the cosine falls to");
  visit("layer_decay", c.layer_decay, RealSetting{0.01, 1},
        "factor of the learning rate from one block to the one before");
  visit("weight_decay", c.weight_decay, factor, "of matrices");
  visit("clip_grad", c.clip_grad, factor, "largest gradient norm; 0: no clipping");
  visit("bf16", c.bf16, size, "matrix products in bfloat16");
  visit("seed", c.seed, count, "of everything random");
  visit("seeds", c.seeds, WholeSetting{1, 100}, "whole runs, with seed, seed + 1, ...");
  visit("patience", c.patience, count, "epochs without a better validation until training stops; 0: never");
  visit("validation_parts", c.validation_parts, WholeSetting{2, 100}, "one part in so many chooses and calibrates");
  visit("bootstrap_samples", c.bootstrap_samples, WholeSetting{0, 100'000}, "behind the intervals");
  visit("refit", c.refit, size, "after cross-validation, one more model on the films of all folds");
  visit("device", c.device, size, "cpu, cuda or cuda:N");
  visit("workers", c.workers, WholeSetting{0, 1024}, "batches made ahead; 0: none");
  visit("threads", c.threads, WholeSetting{0, 4096}, "of the networks; 0: one per core");
}

/// Throws Failure(kInvalidArgument) for settings that do not fit together.
void check_fit(const FitConfig& config);

/// The encoder at the size that the configuration asks for. Throws Failure(kInvalidArgument) where the patch size does
/// not divide it.
EncoderConfig resized(EncoderConfig encoder, const FitConfig& config);

}  // namespace chexworld
