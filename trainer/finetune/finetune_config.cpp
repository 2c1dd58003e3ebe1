// SPDX-License-Identifier: Apache-2.0
#include "trainer/finetune/finetune_config.h"

#include "base/failure.h"
#include "trainer/evaluation/calibration.h"
#include "trainer/labels/label_value.h"

namespace chexworld {
namespace {

using Whole = WholeSetting;
using Real = RealSetting;

/// Calls `visit(key, member, allowed, help)` for every setting: the one list of them.
template <class Config, class Visitor>
void each_setting(Config& c, Visitor&& visit) {
  constexpr Whole count{0, 1'000'000'000}, size{1, 1'000'000};
  constexpr Real share{0, 1}, factor{0, 1e6};
  visit("head", c.head, size, "fc, norm_fc, attn or mlp");
  visit("attention_heads", c.attention_heads, Whole{0, 1024}, "of attn; 0: as many as the encoder has");
  visit("image_size", c.image_size, count, "side of the pictures, pixels; 0: the encoder's");
  visit("drop_path", c.drop_path, Real{0, 0.95}, "stochastic depth of the last block");
  visit("freeze_encoder", c.freeze_encoder, size, "train only the head");
  visit("gradient_checkpointing", c.gradient_checkpointing, size, "less memory for more time");
  visit("uncertain", c.uncertain, size, "uncertain labels: ignore, zero, one, or a target from 0 to 1");
  visit("class_weights", c.class_weights, size, "rare labels and classes weigh as much as frequent ones");
  visit("label_smoothing", c.label_smoothing, Real{0, 0.5}, "share of every target that is spread evenly");
  visit("crop_scale", c.crop_scale, share, "area of a training picture as a share of the film");
  visit("crop_aspect", c.crop_aspect, Real{0.01, 100}, "its width over its height");
  visit("hflip", c.hflip, share, "probability of mirroring it");
  visit("jitter_prob", c.jitter_prob, share, "probability of jitter of the film");
  visit("jitter_brightness", c.jitter_brightness, share, "largest change of brightness in it");
  visit("jitter_contrast", c.jitter_contrast, share, "largest change of contrast in it");
  visit("batch_size", c.batch_size, size, "films per update");
  visit("epochs", c.epochs, size, "walks through the films");
  visit("warmup_epochs", c.warmup_epochs, count, "with rising learning rate");
  visit("lr", c.lr, factor, "largest learning rate, of the head");
  visit("min_lr", c.min_lr, factor, "learning rate that the cosine falls to");
  visit("layer_decay", c.layer_decay, Real{0.01, 1}, "factor of the learning rate from one block to the one before");
  visit("weight_decay", c.weight_decay, factor, "of matrices");
  visit("clip_grad", c.clip_grad, factor, "largest gradient norm; 0: no clipping");
  visit("bf16", c.bf16, size, "matrix products in bfloat16");
  visit("seed", c.seed, count, "of everything random");
  visit("seeds", c.seeds, Whole{1, 100}, "whole runs, with seed, seed + 1, ...");
  visit("patience", c.patience, count, "epochs without a better validation until training stops; 0: never");
  visit("calibration", c.calibration, size, "platt, temperature or none");
  visit("threshold", c.threshold, size, "youden, f1, sensitivity=X, specificity=X or a number");
  visit("validation_parts", c.validation_parts, Whole{2, 100}, "one part in so many chooses and calibrates");
  visit("bootstrap_samples", c.bootstrap_samples, Whole{0, 100'000}, "behind the intervals");
  visit("refit", c.refit, size, "after cross-validation, one more model on the films of all folds");
  visit("device", c.device, size, "cpu, cuda or cuda:N");
  visit("workers", c.workers, Whole{0, 1024}, "batches made ahead; 0: none");
  visit("threads", c.threads, Whole{0, 4096}, "of the networks; 0: one per core");
}

constexpr auto kEachSetting = [](auto& config, auto&& visit) { each_setting(config, visit); };

}  // namespace

DualViewSettings FinetuneConfig::views(std::int64_t side) const {
  DualViewSettings views;
  views.size = int(side);
  views.crop = {crop_scale, crop_aspect};
  views.jitter = {jitter_prob, jitter_brightness, jitter_contrast};
  views.flip_probability = hflip;
  return views;
}

EpochSchedule FinetuneConfig::schedule() const { return {lr, min_lr, double(warmup_epochs), double(epochs)}; }

std::vector<SettingInfo> finetune_settings() { return list_settings(FinetuneConfig(), kEachSetting); }

void apply_settings(FinetuneConfig& config, const Json& object, const std::string& where) {
  read_settings(config, object, where, kEachSetting);
}

Json to_json(const FinetuneConfig& config) { return settings_json(config, kEachSetting); }

void check(const FinetuneConfig& config) {
  const auto require = [](bool condition, const std::string& sentence) {
    if (!condition) fail(ErrorCode::kInvalidArgument, sentence);
  };
  require(config.head == "fc" || config.head == "norm_fc" || config.head == "attn" || config.head == "mlp",
          "head must be fc, norm_fc, attn or mlp, not '" + config.head + "'");
  require(config.warmup_epochs < config.epochs, "warmup_epochs (" + std::to_string(config.warmup_epochs) +
                                                    ") must be fewer than epochs (" + std::to_string(config.epochs) +
                                                    ")");
  require(config.device == "cpu" || config.device.starts_with("cuda"),
          "device must be cpu, cuda or cuda:N, not '" + config.device + "'");
  require_possible(config.views(config.image_size > 0 ? config.image_size : 224));
  uncertain_policy_from(config.uncertain);
  calibration_method_from(config.calibration);
  threshold_rule_from(config.threshold);
}

EncoderConfig resized(EncoderConfig encoder, const FinetuneConfig& config) {
  if (config.image_size > 0) encoder.image_size = config.image_size;
  if (encoder.image_size % encoder.patch_size != 0)
    fail(ErrorCode::kInvalidArgument, "image_size " + std::to_string(encoder.image_size) +
                                          " is no multiple of the encoder's patch size " +
                                          std::to_string(encoder.patch_size));
  return encoder;
}

}  // namespace chexworld
