// SPDX-License-Identifier: Apache-2.0
//
// Everything that can be chosen about a pre-training run. Names follow the literature; the same ones stand in TOML
// files, on the command line (--mask-pred-scale for mask_pred_scale) and in checkpoints.
#pragma once

#include "base/config.h"
#include "trainer/loading/loader.h"
#include "trainer/run/settings.h"
#include "views/schedules.h"

#include <chexworld/model.h>

#include <string>
#include <vector>

namespace chexworld {

struct PretrainConfig {
  // the networks
  std::string arch = "vit_base";  ///< a name of the specification's table, or "custom": width, depth and heads below
  std::int64_t image_size = 224, patch_size = 16;
  std::int64_t width = 192, depth = 6, heads = 3;
  std::int64_t pred_width = 384, pred_depth = 6;
  bool gradient_checkpointing = false;

  // the objective
  std::string objective = "chexworld";  ///< or "ijepa": one view, target blocks apart, no action
  std::string loss = "mse";             ///< or "smooth_l1"
  double global_weight = 1;
  bool use_global = true, use_domain = true, use_action = true, use_relative = true;
  bool all_patches = false;
  std::int64_t target_layers = 1;
  double variance_weight = 0;

  // views, actions, masks
  Range crop_scale{0.3, 1}, crop_aspect{0.75, 4.0 / 3};
  double hflip = 0.5;
  double jitter_prob = 0.8, jitter_brightness = 0.4, jitter_contrast = 0.4;
  double tone_prob = 0.8;
  Range tone_brightness{0.6, 1.4}, tone_contrast{0.6, 1.4}, tone_gamma{0.5, 2};
  double blur_prob = 0.2;
  Range blur_radius{0.1, 2};
  double noise_prob = 0;
  Range noise_sigma{0, 0.1};
  Range mask_pred_scale{0.15, 0.2}, mask_pred_aspect{0.75, 1.5}, mask_enc_scale{0.75, 1};
  std::int64_t mask_targets = 4, mask_min_keep = 10;

  // the optimisation
  std::int64_t batch_size = 128, accum_steps = 1;
  std::int64_t epochs = 300, warmup_epochs = 40;
  double lr = 2e-4, start_lr = 0, min_lr = 1e-6;
  double weight_decay = 0.05, weight_decay_end = 0.05;
  double ema = 0.996, ema_end = 1;
  double ipe_scale = 1.25;
  double clip_grad = 1;
  bool bf16 = false;
  double init_std = 0.02;  // of fresh weights; the paper's, which a narrow network multiplies signals away with
  std::int64_t seed = 0;

  // the machine and the run
  std::string device = "cpu";
  std::string data_on_device = "auto";  ///< films in the device's memory: "yes", "no", or on CUDA where they fit
  std::int64_t workers = 1, threads = 0;
  std::int64_t save_every = 500, keep = 3;
  std::int64_t log_every = 10, health_every = 100;
  std::int64_t max_nonfinite = 10;

  // labelled studies on which the frozen encoder is tried out now and then
  std::string probe_label_column = "label", probe_positive = "pneumonia", probe_negative = "normal";
  std::string probe_fold_column = "fold_nih_pneumonia";

  bool is_ijepa() const { return objective == "ijepa"; }
  EncoderConfig encoder() const;
  DualViewSettings views() const;
  MaskSettings masks() const;
  LoaderSettings loader(std::int64_t rank, std::int64_t ranks) const;
  PretrainScheduleSettings schedule(std::int64_t updates_per_epoch) const;
};

std::vector<SettingInfo> pretrain_settings();

/// Takes the keys of `object`; throws Failure(kInvalidArgument) naming what is unknown or impossible.
void apply_settings(PretrainConfig& config, const Json& object, const std::string& where);
Json to_json(const PretrainConfig& config);

/// Throws Failure(kInvalidArgument) for settings that do not fit together.
void check(const PretrainConfig& config);

/// chexworld-vit-b16, tiny-cpu, ...; what a preset changes from the defaults.
std::vector<std::string> preset_names();
Json preset_settings(const std::string& name);

/// The keys whose values differ and may not change between a run and its continuation.
std::vector<std::string> fixed_differences(const PretrainConfig& before, const PretrainConfig& now);

}  // namespace chexworld
