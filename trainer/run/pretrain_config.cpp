// SPDX-License-Identifier: Apache-2.0
#include "trainer/run/pretrain_config.h"

#include "base/failure.h"

#include <algorithm>

namespace chexworld {
namespace {

using Whole = WholeSetting;
using Real = RealSetting;

/// Calls `visit(key, member, allowed, help)` for every setting: the one list of them.
template <class Config, class Visitor>
void each_setting(Config& c, Visitor&& visit) {
  constexpr Whole count{0, 1'000'000'000}, size{1, 1'000'000};
  constexpr Real share{0, 1}, factor{0, 1e6};
  visit("arch", c.arch, size, "vit_tiny, _small, _base, _large, _huge, _giant, or custom");
  visit("image_size", c.image_size, size, "side of the views, pixels");
  visit("patch_size", c.patch_size, size, "side of a patch, pixels");
  visit("width", c.width, size, "of a custom encoder");
  visit("depth", c.depth, size, "blocks of a custom encoder");
  visit("heads", c.heads, size, "attention heads of a custom encoder");
  visit("pred_width", c.pred_width, size, "of the predictor");
  visit("pred_depth", c.pred_depth, size, "blocks of the predictor");
  visit("gradient_checkpointing", c.gradient_checkpointing, size, "less memory for more time");
  visit("objective", c.objective, size, "chexworld, or ijepa (one view, target blocks apart, no action)");
  visit("loss", c.loss, size, "mse or smooth_l1");
  visit("global_weight", c.global_weight, factor, "of the terms across the two views");
  visit("use_global", c.use_global, size, "predict the other view too");
  visit("use_domain", c.use_domain, size, "augment contexts");
  visit("use_action", c.use_action, size, "tell the predictor how the context was augmented");
  visit("use_relative", c.use_relative, size, "tell the predictor where the other view lies");
  visit("all_patches", c.all_patches, size, "global terms over all patches of the target view");
  visit("target_layers", c.target_layers, size, "last blocks of the target encoder that are averaged");
  visit("variance_weight", c.variance_weight, factor, "of the variance regulariser");
  visit("crop_scale", c.crop_scale, share, "area of a view as a share of the film");
  visit("crop_aspect", c.crop_aspect, Real{0.01, 100}, "width over height of a view");
  visit("hflip", c.hflip, share, "probability of mirroring a view");
  visit("jitter_prob", c.jitter_prob, share, "probability of jitter of the whole film");
  visit("jitter_brightness", c.jitter_brightness, share, "largest change of brightness in it");
  visit("jitter_contrast", c.jitter_contrast, share, "largest change of contrast in it");
  visit("tone_prob", c.tone_prob, share, "probability of brightness, contrast and gamma of a context");
  visit("tone_brightness", c.tone_brightness, factor, "its factor");
  visit("tone_contrast", c.tone_contrast, factor, "its factor");
  visit("tone_gamma", c.tone_gamma, Real{1e-3, 1e3}, "its exponent");
  visit("blur_prob", c.blur_prob, share, "probability of blurring a context");
  visit("blur_radius", c.blur_radius, Real{0, 100}, "standard deviation, pixels of the view");
  visit("noise_prob", c.noise_prob, share, "probability of noise on a context");
  visit("noise_sigma", c.noise_sigma, share, "its standard deviation, share of full scale");
  visit("mask_pred_scale", c.mask_pred_scale, share, "area of a target block, share of the view");
  visit("mask_pred_aspect", c.mask_pred_aspect, Real{0.01, 100}, "height over width of a target block");
  visit("mask_enc_scale", c.mask_enc_scale, share, "area of the context block, share of the view");
  visit("mask_targets", c.mask_targets, Whole{1, 64}, "target blocks per view");
  visit("mask_min_keep", c.mask_min_keep, count, "every set keeps more patches than this");
  visit("batch_size", c.batch_size, size, "films per batch and process");
  visit("accum_steps", c.accum_steps, size, "batches per update and process");
  visit("epochs", c.epochs, size, "walks through the archive");
  visit("warmup_epochs", c.warmup_epochs, count, "with rising learning rate");
  visit("lr", c.lr, factor, "largest learning rate");
  visit("start_lr", c.start_lr, factor, "learning rate at the first update");
  visit("min_lr", c.min_lr, factor, "learning rate that the cosine falls to");
  visit("weight_decay", c.weight_decay, factor, "of matrices");
  visit("weight_decay_end", c.weight_decay_end, factor, "at the end");
  visit("ema", c.ema, share, "momentum of the target encoder");
  visit("ema_end", c.ema_end, share, "at the end");
  visit("ipe_scale", c.ipe_scale, Real{1, 100}, "schedules are this much longer than training");
  visit("clip_grad", c.clip_grad, factor, "largest gradient norm; 0: no clipping");
  visit("bf16", c.bf16, size, "matrix products in bfloat16");
  visit("init_std", c.init_std, Real{1e-6, 1}, "standard deviation of fresh weights");
  visit("seed", c.seed, count, "of everything random");
  visit("device", c.device, size, "cpu, cuda or cuda:N");
  visit("data_on_device", c.data_on_device, size,
        "films in the device's memory: yes, no, or auto (CUDA, where they fit)");
  visit("workers", c.workers, Whole{0, 1024}, "batches made ahead; 0: none");
  visit("threads", c.threads, Whole{0, 4096}, "of the networks; 0: one per core");
  visit("save_every", c.save_every, size, "updates between checkpoints");
  visit("keep", c.keep, size, "checkpoints that stay, besides the best");
  visit("log_every", c.log_every, size, "updates between lines of metrics.jsonl");
  visit("health_every", c.health_every, count, "updates between looks at the features, and probes; 0: never");
  visit("max_nonfinite", c.max_nonfinite, size, "updates in a row without finite gradient until the run stops");
  visit("probe_label_column", c.probe_label_column, size, "column of the probe archive with the label");
  visit("probe_positive", c.probe_positive, size, "its value for positive films");
  visit("probe_negative", c.probe_negative, size, "its value for negative films");
  visit("probe_fold_column", c.probe_fold_column, size, "column with the fold of cross-validation");
}

/// What may change when a run goes on: nothing that enters the numbers.
constexpr const char* kFreeOnResume[] = {"workers",      "save_every",    "keep",   "log_every",
                                         "health_every", "max_nonfinite", "threads"};

constexpr auto kEachSetting = [](auto& config, auto&& visit) { each_setting(config, visit); };

}  // namespace

EncoderConfig PretrainConfig::encoder() const {
  if (arch != "custom") return EncoderConfig::preset(arch, image_size, patch_size).value();
  EncoderConfig encoder;
  encoder.image_size = image_size;
  encoder.patch_size = patch_size;
  encoder.width = width;
  encoder.depth = depth;
  encoder.heads = heads;
  return encoder;
}

DualViewSettings PretrainConfig::views() const {
  DualViewSettings views;
  views.size = int(image_size);
  views.crop = {crop_scale, crop_aspect};
  views.jitter = {jitter_prob, jitter_brightness, jitter_contrast};
  views.action = {tone_prob, tone_brightness, tone_contrast, tone_gamma,
                  blur_prob, blur_radius,     noise_prob,    noise_sigma};
  views.flip_probability = hflip;
  return views;
}

MaskSettings PretrainConfig::masks() const {
  MaskSettings masks;
  masks.grid_height = masks.grid_width = int(image_size / patch_size);
  masks.target_scale = mask_pred_scale;
  masks.target_aspect = mask_pred_aspect;
  masks.context_scale = mask_enc_scale;
  masks.targets = int(mask_targets);
  masks.min_keep = int(mask_min_keep);
  masks.merge_targets = !is_ijepa();
  return masks;
}

LoaderSettings PretrainConfig::loader(std::int64_t rank, std::int64_t ranks) const {
  return {std::uint64_t(seed), batch_size, accum_steps, ranks, rank, int(workers), is_ijepa(), views(), masks()};
}

PretrainScheduleSettings PretrainConfig::schedule(std::int64_t updates_per_epoch) const {
  PretrainScheduleSettings schedule;
  schedule.epochs = epochs;
  schedule.iterations_per_epoch = updates_per_epoch;
  schedule.stretch = ipe_scale;
  schedule.warmup_epochs = warmup_epochs;
  schedule.start_learning_rate = start_lr;
  schedule.learning_rate = lr;
  schedule.final_learning_rate = min_lr;
  schedule.weight_decay = weight_decay;
  schedule.final_weight_decay = weight_decay_end;
  schedule.momentum = ema;
  schedule.final_momentum = ema_end;
  return schedule;
}

std::vector<SettingInfo> pretrain_settings() { return list_settings(PretrainConfig(), kEachSetting); }

void apply_settings(PretrainConfig& config, const Json& object, const std::string& where) {
  read_settings(config, object, where, kEachSetting);
}

Json to_json(const PretrainConfig& config) { return settings_json(config, kEachSetting); }

void check(const PretrainConfig& config) {
  config.encoder();
  require_possible(config.views());
  MaskSampler sampler(config.masks());
  if (config.image_size % config.patch_size != 0)
    fail(ErrorCode::kInvalidArgument, "image_size must be a multiple of patch_size");
  if (config.objective != "chexworld" && config.objective != "ijepa")
    fail(ErrorCode::kInvalidArgument, "objective must be chexworld or ijepa, not '" + config.objective + "'");
  if (config.loss != "mse" && config.loss != "smooth_l1")
    fail(ErrorCode::kInvalidArgument, "loss must be mse or smooth_l1, not '" + config.loss + "'");
  if (config.warmup_epochs >= config.epochs)
    fail(ErrorCode::kInvalidArgument, "warmup_epochs (" + std::to_string(config.warmup_epochs) +
                                          ") must be fewer than epochs (" + std::to_string(config.epochs) + ")");
  if (config.data_on_device != "auto" && config.data_on_device != "yes" && config.data_on_device != "no")
    fail(ErrorCode::kInvalidArgument, "data_on_device must be auto, yes or no, not '" + config.data_on_device + "'");
  if (config.device != "cpu" && !config.device.starts_with("cuda"))
    fail(ErrorCode::kInvalidArgument, "device must be cpu, cuda or cuda:N, not '" + config.device + "'");
}

std::vector<std::string> fixed_differences(const PretrainConfig& before, const PretrainConfig& now) {
  const Json old_values = to_json(before), new_values = to_json(now);
  std::vector<std::string> keys;
  for (const auto& [key, value] : old_values.items()) {
    const bool is_free = std::find(std::begin(kFreeOnResume), std::end(kFreeOnResume), key) != std::end(kFreeOnResume);
    if (!is_free && new_values.at(key) != value) keys.push_back(key);
  }
  return keys;
}

}  // namespace chexworld
