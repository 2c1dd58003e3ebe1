// SPDX-License-Identifier: Apache-2.0
#include "base/failure.h"
#include "trainer/run/pretrain_config.h"

namespace chexworld {
namespace {

const std::map<std::string, Json>& presets() {
  static const std::map<std::string, Json> all{
      // The paper: ViT-B/16, global batch 2048 (here 16 batches of 128), 300 epochs.
      {"chexworld-vit-b16", {{"arch", "vit_base"}, {"accum_steps", 16}, {"bf16", true}}},
      // RadJEPA's model and objective; of its optimisation nothing is published, so that is CheXWorld's.
      {"radjepa-vit-b14",
       {{"arch", "vit_base"},
        {"patch_size", 14},
        {"objective", "ijepa"},
        {"loss", "smooth_l1"},
        {"mask_enc_scale", {0.85, 1.0}},
        {"jitter_prob", 0},
        {"accum_steps", 16},
        {"bf16", true}}},
      // Minutes on two cores, for a small archive.
      {"tiny-cpu",
       {{"arch", "custom"},
        {"image_size", 128},
        {"patch_size", 16},
        {"width", 192},
        {"depth", 6},
        {"heads", 3},
        {"pred_width", 96},
        {"pred_depth", 3},
        // 0.02 is for widths of 768 and more: so narrow, positions and actions drown in it and features collapse.
        {"init_std", 0.05},
        {"batch_size", 32},
        {"epochs", 150},
        {"warmup_epochs", 6},
        {"lr", 6e-4},
        {"save_every", 100},
        {"log_every", 5},
        {"health_every", 41},
        {"mask_min_keep", 4}}},
  };
  return all;
}

}  // namespace

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const auto& [name, settings] : presets()) names.push_back(name);
  return names;
}

Json preset_settings(const std::string& name) {
  const auto found = presets().find(name);
  if (found != presets().end()) return found->second;
  std::string names;
  for (const std::string& known : preset_names()) names += (names.empty() ? "" : ", ") + known;
  fail(ErrorCode::kInvalidArgument, "there is no preset '" + name + "', only " + names);
}

}  // namespace chexworld
