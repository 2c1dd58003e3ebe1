// SPDX-License-Identifier: Apache-2.0
#include "trainer/finetune/finetune_config.h"

#include "base/failure.h"
#include "trainer/evaluation/calibration.h"
#include "trainer/labels/label_value.h"

namespace chexworld {
namespace {

constexpr auto kEachSetting = [](auto& c, auto&& visit) {
  constexpr WholeSetting text{0, 0};
  visit("head", c.head, text, "fc, norm_fc, attn or mlp");
  visit("attention_heads", c.attention_heads, WholeSetting{0, 1024}, "of attn; 0: as many as the encoder has");
  visit("uncertain", c.uncertain, text, "uncertain labels: ignore, zero, one, or a target from 0 to 1");
  visit("class_weights", c.class_weights, text, "rare labels and classes weigh as much as frequent ones");
  visit("label_smoothing", c.label_smoothing, RealSetting{0, 0.5}, "share of every target that is spread evenly");
  each_fit_setting(c, visit);
  visit("calibration", c.calibration, text, "platt, temperature or none");
  visit("threshold", c.threshold, text, "youden, f1, sensitivity=X, specificity=X or a number");
};

}  // namespace

std::vector<SettingInfo> finetune_settings() { return list_settings(FinetuneConfig(), kEachSetting); }

void apply_settings(FinetuneConfig& config, const Json& object, const std::string& where) {
  read_settings(config, object, where, kEachSetting);
}

Json to_json(const FinetuneConfig& config) { return settings_json(config, kEachSetting); }

void check(const FinetuneConfig& config) {
  if (config.head != "fc" && config.head != "norm_fc" && config.head != "attn" && config.head != "mlp")
    fail(ErrorCode::kInvalidArgument, "head must be fc, norm_fc, attn or mlp, not '" + config.head + "'");
  check_fit(config);
  uncertain_policy_from(config.uncertain);
  calibration_method_from(config.calibration);
  threshold_rule_from(config.threshold);
}

}  // namespace chexworld
