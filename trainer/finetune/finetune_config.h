// SPDX-License-Identifier: Apache-2.0
//
// Everything that can be chosen about fine-tuning. Names follow the literature; the same ones stand in TOML files, on
// the command line (--layer-decay for layer_decay) and in config.json.
#pragma once

#include "trainer/run/settings.h"
#include "views/dual_view.h"
#include "views/schedules.h"

#include <chexworld/bundle.h>
#include <chexworld/model.h>

#include <string>
#include <vector>

namespace chexworld {

struct FinetuneConfig {
  // the networks
  std::string head = "fc";           ///< fc, norm_fc, attn, mlp
  std::int64_t attention_heads = 0;  ///< of attn; 0: as many as the encoder has
  std::int64_t image_size = 0;       ///< pixels; 0: the encoder's
  double drop_path = 0.1;
  bool freeze_encoder = false;  ///< only the head is trained
  bool gradient_checkpointing = false;

  // labels and loss
  std::string uncertain = "ignore";  ///< or zero, one, a target from 0 to 1
  bool class_weights = true;         ///< both sides of a finding, and all classes, weigh the same
  double label_smoothing = 0;

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

  // what becomes of the scores
  std::string calibration = "platt";     ///< or temperature, none
  std::string threshold = "youden";      ///< or f1, sensitivity=X, specificity=X, a number
  std::int64_t validation_parts = 5;     ///< one part in so many of the films that train chooses and calibrates
  std::int64_t bootstrap_samples = 500;  ///< of intervals
  bool refit = true;                     ///< after cross-validation: one more model, on the films of all folds

  // the machine
  std::string device = "cpu";
  std::int64_t workers = 1, threads = 0;

  DualViewSettings views(std::int64_t side) const;  ///< only crop, jitter and flip count
  EpochSchedule schedule() const;
};

std::vector<SettingInfo> finetune_settings();
/// Takes the keys of `object`; throws Failure(kInvalidArgument) naming what is unknown or impossible.
void apply_settings(FinetuneConfig& config, const Json& object, const std::string& where);
Json to_json(const FinetuneConfig& config);

/// Throws Failure(kInvalidArgument) for settings that do not fit together.
void check(const FinetuneConfig& config);

/// The encoder at the size that the configuration asks for. Throws Failure(kInvalidArgument) where the patch size does
/// not divide it.
EncoderConfig resized(EncoderConfig encoder, const FinetuneConfig& config);

}  // namespace chexworld
