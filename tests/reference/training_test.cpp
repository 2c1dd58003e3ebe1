// SPDX-License-Identifier: Apache-2.0
//
// Item training_trace, and the parameter groups of item schedules.
#include "nn/heads.h"
#include "nn/segmentation.h"
#include "reference/worldmodel_item.h"
#include "support/test_data.h"
#include "views/schedules.h"
#include "worldmodel/pretraining_step.h"

namespace chexworld::test {
namespace {

#define REQUIRE_REFERENCE() \
  if (!have_reference()) GTEST_SKIP() << "no reference numbers here (CHEXWORLD_REFERENCE_DIR)"

std::vector<std::string> names_of(const ParameterGroup& group) {
  std::vector<std::string> names;
  for (const NamedTensor& parameter : group.parameters) names.push_back(parameter.name);
  return names;
}

void expect_groups(const std::vector<ParameterGroup>& groups, const Json& expected, const char* decay_key) {
  ASSERT_EQ(groups.size(), expected.size());
  for (std::size_t i = 0; i < groups.size(); ++i) {
    expect_known_keys(expected[i], {decay_key, "params"}, "parameter group");
    EXPECT_EQ(names_of(groups[i]), expected[i].at("params").get<std::vector<std::string>>());
    EXPECT_EQ(groups[i].weight_decay, expected[i].at(decay_key)) << i;
    EXPECT_EQ(groups[i].learning_rate_scale, 1);
  }
}

PretrainSchedules schedules_of(const Json& recipe) {
  PretrainScheduleSettings settings;
  settings.epochs = recipe.at("epochs");
  settings.iterations_per_epoch = recipe.at("loader_len");
  settings.stretch = recipe.at("ipe_scale");
  settings.warmup_epochs = recipe.at("warmup_epochs");
  settings.start_learning_rate = recipe.at("start_lr");
  settings.learning_rate = recipe.at("lr");
  settings.final_learning_rate = recipe.at("min_lr");
  settings.weight_decay = recipe.at("weight_decay");
  settings.final_weight_decay = recipe.at("weight_decay_end");
  settings.momentum = recipe.at("ema");
  settings.final_momentum = recipe.at("ema_end");
  return pretrain_schedules(settings);
}

/// A run of the trace: its model, optimizer and step.
struct TracedRun {
  TracedRun(TorchItem& item, const Json& json, const Json& trace, bool fused) : model(world_model_config(json)) {
    const Json& recipe = json.at("recipe");
    load_exactly(model, item.state("init/"), "training_trace");
    const std::vector<double> betas = recipe.at("betas");
    optimizer.emplace(pretraining_groups(model.parameters(), recipe.at("weight_decay")),
                      AdamWOptions{betas.at(0), betas.at(1), recipe.at("eps"), fused});
    Json options;
    for (const char* key :
         {"loss_type", "extra_mean", "extra_loss_weight", "target_last_k", "target_norm_type", "reg_weight"})
      options[key] = recipe.at(key);
    step.emplace(model, *optimizer,
                 PretrainingStepOptions{objective_from(options),
                                        trace.at("accum_iter"),
                                        trace.at("clip_grad").is_null() ? 0.0 : trace.at("clip_grad").get<double>(),
                                        {}});
  }

  WorldModel model;
  std::optional<AdamW> optimizer;
  std::optional<PretrainingStep> step;
};

void expect_step(const StepReport& report, const StepValues& values, const Json& expected) {
  const auto number = [&](const char* key, double found) {
    EXPECT_TRUE(close(found, expected.at(key), kScalar)) << key << " of iteration " << expected.at("it");
  };
  expect_known_keys(expected,
                    {"it", "epoch", "loss", "loss_intra", "loss_extra", "pred_var", "lr", "weight_decay", "momentum",
                     "update", "grad_norm"},
                    "step");
  number("loss", report.loss.loss.item<double>());
  number("loss_intra", report.loss.intra.item<double>());
  number("loss_extra", report.loss.extra.item<double>());
  number("pred_var", report.loss.deviation.item<double>());
  number("lr", values.learning_rate);
  number("weight_decay", values.weight_decay);
  number("momentum", values.momentum);
  EXPECT_EQ(report.update_due, expected.at("update"));
  EXPECT_FALSE(report.skipped);
  if (expected.at("grad_norm").is_null()) {
    EXPECT_FALSE(report.update_due);
  } else {
    number("grad_norm", report.gradient_norm);
  }
}

void follow(TracedRun& run, TorchItem& item, const Json& recipe, const Json& trace) {
  const PretrainSchedules schedules = schedules_of(recipe);
  for (const Json& expected : trace.at("steps")) {
    const std::int64_t iteration = expected.at("it");
    EXPECT_EQ(expected.at("epoch"), iteration / recipe.at("loader_len").get<std::int64_t>());
    const auto index = std::size_t(iteration);
    const StepValues values{schedules.learning_rate.at(index), schedules.weight_decay.at(index),
                            schedules.momentum.at(index)};
    const DualViewBatch batch = dual_view_batch(item, "batch." + std::to_string(iteration) + "/");
    expect_step((*run.step)(iteration, batch, values), values, expected);
  }
}

/// Within 2e-5 of the tensor's largest value. What counts as largest is at least a fifth: Adam moves all weights by
/// steps of one size, so rounding noise does not shrink with a tensor of small values.
void expect_weights(const std::vector<NamedTensor>& parameters, const State& expected) {
  EXPECT_EQ(parameters.size(), expected.size());
  for (const auto& [name, tensor] : parameters) {
    ASSERT_TRUE(expected.contains(name)) << name;
    const at::Tensor wanted = without_key_bias(name, expected.at(name)), found = without_key_bias(name, tensor);
    ASSERT_EQ(found.sizes(), wanted.sizes()) << name;
    const double largest = std::max(0.2, wanted.abs().max().item<double>());
    EXPECT_LE((found - wanted).abs().max().item<double>(), kForward * largest) << name;
  }
}

void expect_moments(const AdamW& optimizer, const State& expected, const std::string& kind) {
  const State found = with_prefix(optimizer.state(), kind + "/");
  EXPECT_EQ(found.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    ASSERT_TRUE(found.contains(name)) << kind << " " << name;
    EXPECT_TRUE(close(without_key_bias(name, found.at(name)), without_key_bias(name, tensor), kGradient))
        << kind << " " << name;
  }
}

TEST(TrainingTraceReference, EveryRunStepByStep) {
  REQUIRE_REFERENCE();
  TorchItem item("training_trace");
  const Json& json = item.whole_json();
  const Json& recipe = json.at("recipe");
  expect_known_keys(recipe,
                    {"optimizer",
                     "betas",
                     "eps",
                     "lr",
                     "min_lr",
                     "start_lr",
                     "weight_decay",
                     "weight_decay_end",
                     "ema",
                     "ema_end",
                     "epochs",
                     "warmup_epochs",
                     "ipe_scale",
                     "loader_len",
                     "iters_per_epoch",
                     "loss_type",
                     "extra_mean",
                     "extra_loss_weight",
                     "target_last_k",
                     "target_norm_type",
                     "reg_weight",
                     "lr_schedule",
                     "wd_schedule",
                     "momentum_schedule"},
                    "recipe");
  expect_only(recipe, "optimizer", "AdamW");
  std::size_t runs = 0;
  for (const auto& [name, trace] : json.items()) {
    if (!name.starts_with("accum")) {
      EXPECT_TRUE(name == "encoder" || name == "predictor" || name == "param_groups" || name == "recipe" ||
                  name == "float32_vs_float64")
          << "no test understands " << name;
      continue;
    }
    expect_known_keys(trace, {"accum_iter", "clip_grad", "steps"}, name);
    const std::string below = any_starts_with(item, name + "/") ? name + "/" : "";  // the first run stands at the top
    for (const bool fused : {true, false}) {
      TracedRun run(item, json, trace, fused);
      expect_groups(run.optimizer->groups(), json.at("param_groups"), "weight_decay_initial");
      follow(run, item, recipe, trace);
      expect_weights(run.model.parameters(), item.state(below + "final/"));
      for (const std::string kind : {"exp_avg", "exp_avg_sq"}) {
        if (any_starts_with(item, below + "optim/" + kind + "/"))
          expect_moments(*run.optimizer, item.state(below + "optim/" + kind + "/"), kind);
      }
    }
    ++runs;
  }
  EXPECT_GT(runs, 0u);
  report_coverage("training runs", runs, runs);
  item.expect_everything_seen();
}

/// Decay and scale of every parameter, and the order of the groups where it is given.
void expect_layer_decay(const std::vector<ParameterGroup>& groups, const Json& expected) {
  std::set<std::string> seen;
  for (const ParameterGroup& group : groups) {
    for (const std::string& name : names_of(group)) {
      ASSERT_TRUE(expected.at("params").contains(name)) << name;
      const Json& one = expected.at("params").at(name);
      expect_known_keys(one, {"lr_scale", "weight_decay"}, name);
      EXPECT_TRUE(close(group.learning_rate_scale, one.at("lr_scale"), 1e-12)) << name;
      EXPECT_EQ(group.weight_decay, one.at("weight_decay")) << name;
      seen.insert(name);
    }
  }
  EXPECT_EQ(seen.size(), expected.at("params").size());
  if (!expected.contains("group_order")) return;
  std::vector<std::vector<std::string>> order;
  for (const ParameterGroup& group : groups) order.push_back(names_of(group));
  EXPECT_EQ(order, expected.at("group_order").get<std::vector<std::vector<std::string>>>());
}

/// An encoder as deep as the parameter names say; other sizes do not matter for groups.
EncoderConfig encoder_of_depth(const Json& params) {
  EncoderConfig config;
  config.image_size = 32;
  config.patch_size = 16;
  config.width = 8;
  config.heads = 2;
  config.depth = 0;
  for (const auto& [name, value] : params.items())
    config.depth += name.ends_with(".norm1.weight") && name.starts_with("feature_model.");
  return config;
}

TEST(ParameterGroupsReference, LayerDecay) {
  REQUIRE_REFERENCE();
  TorchItem item("schedules");
  for (const Json& one : item.json("layer_decay")) {
    expect_known_keys(one, {"model", "depth", "layer_decay", "weight_decay", "params", "group_order"}, "layer_decay");
    const std::string name = one.at("model");
    ASSERT_TRUE(name.starts_with("FineTuner ")) << "no test understands " << name;
    const EncoderConfig config = encoder_of_depth(one.at("params"));
    EXPECT_EQ(config.depth, one.at("depth"));
    Classifier model(config, {.kind = head_kind(name.substr(10)), .classes = 2, .attention_heads = 2});
    expect_layer_decay(layer_decay_groups(model.parameters(), "feature_model.", one.at("depth"), one.at("layer_decay"),
                                          one.at("weight_decay")),
                       one);
  }
}

TEST(ParameterGroupsReference, Segmentation) {
  REQUIRE_REFERENCE();
  TorchItem item("schedules");
  const Json& one = item.json("segmentation_groups");
  expect_known_keys(one, {"model", "layer_decay", "weight_decay", "params"}, "segmentation_groups");
  expect_only(one, "model", "UNetAdapterConv");
  const EncoderConfig config = encoder_of_depth(one.at("params"));
  SegmentationModel model(config, {.pyramid = PyramidKind::kUnet});
  expect_layer_decay(layer_decay_groups(model.parameters(), "feature_model.", config.depth, one.at("layer_decay"),
                                        one.at("weight_decay")),
                     one);
}

TEST(ParameterGroupsReference, Pretraining) {
  REQUIRE_REFERENCE();
  TorchItem item("schedules"), checkpoint("checkpoint");  // "item 12's model"
  Json sizes = checkpoint.whole_json();
  const WorldModel model(world_model_config(sizes));
  double decay = 0;
  for (const Json& group : item.json("pretrain_groups"))
    decay = std::max(decay, group.at("weight_decay").get<double>());
  expect_groups(pretraining_groups(model.parameters(), decay), item.json("pretrain_groups"), "weight_decay");
  std::vector<std::string> order;
  for (const ParameterGroup& group : pretraining_groups(model.parameters(), decay)) {
    for (const std::string& name : names_of(group)) order.push_back(name);
  }
  EXPECT_EQ(order, sizes.at("optimizer").at("param_order").get<std::vector<std::string>>());
}

}  // namespace
}  // namespace chexworld::test
