// SPDX-License-Identifier: Apache-2.0
//
// Items finetune and segmentation, and the forward passes and size changes of item checkpoint.
#include "nn/heads.h"
#include "nn/segmentation.h"
#include "nn/transfer.h"
#include "reference/torch_item.h"
#include "support/test_data.h"

#include <c10/core/InferenceMode.h>

namespace chexworld::test {
namespace {

#define REQUIRE_REFERENCE() \
  if (!have_reference()) GTEST_SKIP() << "no reference numbers here (CHEXWORLD_REFERENCE_DIR)"

State joined(const State& one, const std::string& prefix, const State& other, const std::string& other_prefix) {
  State all;
  for (const auto& [name, tensor] : one) all.emplace(prefix + name, tensor);
  for (const auto& [name, tensor] : other) all.emplace(other_prefix + name, tensor);
  return all;
}

HeadConfig head_config(const std::string& name, const Json& head, std::int64_t classes) {
  expect_known_keys(head,
                    {"num_heads", "depth", "num_queries", "mlp_ratio", "qkv_bias", "layer_norm_eps", "complete_block",
                     "encoder_norm"},
                    name);
  expect_only(head, "depth", 1);
  expect_only(head, "num_queries", 1);
  expect_only(head, "qkv_bias", true);
  expect_only(head, "layer_norm_eps", 1e-5);
  expect_only(head, "complete_block", true);
  expect_only(head, "encoder_norm", "replaced by identity");
  HeadConfig config;
  config.kind = head_kind(name);
  config.classes = classes;
  config.attention_heads = head.value("num_heads", config.attention_heads);
  config.mlp_ratio = head.value("mlp_ratio", config.mlp_ratio);
  return config;
}

State encoder_state_for(TorchItem& item, HeadKind kind) {
  State state = item.state("encoder/state/");
  if (kind == HeadKind::kNormLinear)
    std::erase_if(state, [](const auto& entry) { return entry.first.starts_with("norm."); });
  return state;
}

/// bce_loss and bce_loss_pos_weight_W.
void expect_cross_entropies(const at::Tensor& logits, const at::Tensor& targets, const Json& expected) {
  const std::string plain = "bce_loss", weighted = plain + "_pos_weight_";
  for (const auto& [key, value] : expected.items()) {
    if (!key.starts_with(plain)) {
      EXPECT_TRUE(key == "state_keys" || key == "grad_norm") << "no test understands " << key;
      continue;
    }
    ASSERT_TRUE(key == plain || key.starts_with(weighted)) << "no test understands " << key;
    const at::Tensor weight = key == plain ? at::Tensor() : at::full({}, std::stod(key.substr(weighted.size())));
    EXPECT_TRUE(close(cross_entropy_of_labels(logits, targets, weight).item<double>(), value, kScalar)) << key;
  }
}

void expect_head(TorchItem& item, const std::string& name) {
  const Json& json = item.whole_json();
  const Json& expected = json.at("results").at(name);
  const HeadConfig config = head_config(name, json.at("heads").at(name), json.at("num_classes"));
  Classifier model(encoder_config(json.at("encoder")), config);
  std::vector<std::string> keys;
  for (const NamedTensor& entry : model.state()) keys.push_back(entry.name);
  EXPECT_EQ(keys, expected.at("state_keys").get<std::vector<std::string>>());
  load_exactly(model, joined(encoder_state_for(item, config.kind), "feature_model.", item.state(name + "/state/"), ""),
               name);

  const at::Tensor logits = model(item.torch("input/images")), targets = item.torch("input/targets");
  EXPECT_TRUE(close(logits, item.torch(name + "/logits"), kForward));
  EXPECT_TRUE(close(logits.sigmoid(), item.torch(name + "/probabilities"), kForward));
  expect_cross_entropies(logits, targets, expected);
  cross_entropy_of_labels(logits, targets).backward();
  EXPECT_TRUE(close(gradient_norm(model.parameters()), expected.at("grad_norm"), kScalar));
  const State gradients = item.state(name + "/grad/");
  std::vector<NamedTensor> compared = model.parameters();
  const bool head_only = std::all_of(gradients.begin(), gradients.end(),
                                     [](const auto& entry) { return entry.first.starts_with("head."); });
  if (head_only) std::erase_if(compared, [](const NamedTensor& entry) { return !entry.name.starts_with("head."); });
  expect_gradients(compared, gradients);
}

TEST(FinetuneReference, EveryHead) {
  REQUIRE_REFERENCE();
  TorchItem item("finetune");
  const Json& json = item.whole_json();
  expect_known_keys(json, {"encoder", "num_classes", "batch", "heads", "results", "float32_vs_float64"}, "finetune");
  for (const auto& [name, result] : json.at("results").items()) {
    SCOPED_TRACE(name);
    expect_head(item, name);
  }
  report_coverage("heads", json.at("results").size(), json.at("heads").size());
  EXPECT_EQ(json.at("results").size(), json.at("heads").size());
  item.expect_everything_seen();
}

class SegmentationCase {
 public:
  SegmentationCase(TorchItem& item, const std::string& name)
      : item_(item), name_(name), json_(item.whole_json().at(name)) {
    expect_known_keys(json_,
                      {"encoder", "num_classes", "base_channels", "out_indices", "out_indices_by_layer", "batch_norm",
                       "train", "eval"},
                      name);
    expect_only(json_, "batch_norm", {{"eps", 1e-5}, {"momentum", 0.1}});
    SegmentationConfig config;
    config.pyramid = pyramid_kind(name);
    config.classes = json_.at("num_classes");
    config.base_channels = json_.at("base_channels");
    config.layers = json_.at("out_indices");
    model_ = std::make_unique<SegmentationModel>(encoder_config(json_.at("encoder")), config);
    load_exactly(*model_, joined(item.state(name + "/state/"), "", item.state("shared/state/"), ""), name);
    images_ = item.torch(name + "/input/images");
    targets_ = item.torch(name + "/input/targets");
  }

  void expect_evaluation() {
    const c10::InferenceMode inference;
    model_->train(false);
    const std::vector<at::Tensor> maps = model_->pyramid(images_);
    std::size_t compared = 0;
    for (std::size_t i = 0; i < maps.size(); ++i) {
      const std::string key = name_ + "/fpn." + std::to_string(i);
      if (!item_.has(key)) continue;
      EXPECT_TRUE(close(maps[i], item_.torch(key), kForward)) << key;
      ++compared;
    }
    EXPECT_GT(compared, 0u);
    const at::Tensor logits = (*model_)(images_);
    EXPECT_TRUE(close(logits, item_.torch(name_ + "/logits"), kForward));
    expect_losses(logits, json_.at("eval"));
    const std::vector<double> dice = json_.at("eval").at("hard_dice_per_image_at_0p5");
    EXPECT_TRUE(close(hard_dice(logits, targets_), at::tensor(dice), kForward));
    model_->use_layers(json_.at("out_indices_by_layer"));
    EXPECT_TRUE(close((*model_)(images_), item_.torch(name_ + "/logits_by_layer"), kForward));
    model_->use_layers(json_.at("out_indices"));
  }

  void expect_training() {
    model_->train();
    const at::Tensor logits = (*model_)(images_);
    EXPECT_TRUE(close(logits, item_.torch(name_ + "/train/logits"), kForward));
    expect_buffers(item_.state(name_ + "/train/buffers/"));
    expect_losses(logits, json_.at("train"));
    (dice_loss(logits, targets_) + cross_entropy_of_labels(logits, targets_)).backward();
    expect_gradients(item_.state(name_ + "/train/grad/"));
  }

 private:
  void expect_losses(const at::Tensor& logits, const Json& expected) {
    expect_known_keys(expected, {"dice_loss", "bce_loss", "loss", "grad_norms", "hard_dice_per_image_at_0p5"}, name_);
    const double dice = dice_loss(logits, targets_).item<double>();
    const double entropy = cross_entropy_of_labels(logits, targets_).item<double>();
    EXPECT_TRUE(close(dice, expected.at("dice_loss"), kScalar));
    EXPECT_TRUE(close(entropy, expected.at("bce_loss"), kScalar));
    if (expected.contains("loss")) {
      EXPECT_TRUE(close(dice + entropy, expected.at("loss"), kScalar));
    }
  }

  void expect_buffers(const State& expected) {
    State found;
    for (const NamedTensor& entry : model_->state()) found[entry.name] = entry.tensor;
    std::size_t buffers = 0;
    for (const auto& [name, tensor] : found)
      buffers += name.find("running_") != name.npos || name.ends_with("num_batches_tracked");
    EXPECT_EQ(buffers, expected.size());
    for (const auto& [name, tensor] : expected) EXPECT_TRUE(close(found.at(name), tensor, kForward)) << name;
  }

  /// A constant per channel in front of a batch norm has no influence in training mode, so the gradient of such a
  /// bias is rounding noise around zero: the bias of the convolution before the norm, and that of a norm before a 1x1
  /// convolution before the norm.
  std::set<std::string> biases_without_influence() const {
    std::set<std::string> norms, biases;
    for (const NamedTensor& entry : model_->state()) {
      if (entry.name.ends_with(".running_mean")) norms.insert(entry.name.substr(0, entry.name.rfind('.')));
    }
    for (const std::string& norm : norms) {
      const std::size_t dot = norm.rfind('.') + 1;
      const auto before = [&](int steps) {
        return norm.substr(0, dot) + std::to_string(std::stoi(norm.substr(dot)) - steps);
      };
      biases.insert(before(1) + ".bias");
      if (norms.contains(before(2))) biases.insert(before(2) + ".bias");
    }
    return biases;
  }

  void expect_gradients(const State& expected) {
    const std::set<std::string> noise = biases_without_influence();
    const Json& norms = json_.at("train").at("grad_norms");
    double largest = 0;
    for (const auto& [name, norm] : norms.items()) largest = std::max(largest, norm.get<double>());
    std::size_t compared = 0;
    for (const auto& [name, parameter] : model_->trainable_parameters()) {
      ASSERT_TRUE(parameter.grad().defined() && norms.contains(name)) << name;
      const double norm = parameter.grad().norm().item<double>();
      if (noise.contains(name)) {
        EXPECT_LT(norm, 1e-5 * largest) << name;
        EXPECT_LT(norms.at(name), 1e-5 * largest) << name;
      } else {
        EXPECT_TRUE(close(norm, norms.at(name), kGradient)) << "gradient norm of " << name;
        if (expected.contains(name)) {
          EXPECT_TRUE(close(parameter.grad(), expected.at(name), kGradient)) << "gradient of " << name;
        }
      }
      ++compared;
    }
    EXPECT_EQ(compared, norms.size());
  }

  TorchItem& item_;
  std::string name_;
  Json json_;
  std::unique_ptr<SegmentationModel> model_;
  at::Tensor images_, targets_;
};

TEST(SegmentationReference, EveryDecoder) {
  REQUIRE_REFERENCE();
  TorchItem item("segmentation");
  std::size_t cases = 0;
  for (const auto& [name, value] : item.whole_json().items()) {
    if (name == "float32_vs_float64") continue;
    SCOPED_TRACE(name);
    SegmentationCase one(item, name);
    one.expect_evaluation();
    one.expect_training();
    ++cases;
  }
  report_coverage("segmentation decoders", cases, cases);
  EXPECT_GT(cases, 0u);
  item.expect_everything_seen();
}

TEST(CheckpointReference, ForwardPasses) {
  REQUIRE_REFERENCE();
  TorchItem item("checkpoint");
  const Json& json = item.whole_json();
  const EncoderConfig config = encoder_config(json.at("encoder"));
  const State weights = item.state("model/");
  const at::Tensor images = item.torch("input/images");
  for (const std::string name : {"encoder", "target_encoder"}) {
    VisionTransformer encoder(config);
    load_exactly(encoder, with_prefix(weights, name + "."), name);
    encoder.train(false);
    EXPECT_TRUE(close(encoder.tokens(images), item.torch("output/" + name + "_tokens"), kForward)) << name;
  }
  Predictor predictor(predictor_config(json.at("predictor"), config));
  load_exactly(predictor, with_prefix(weights, "predictor."), "predictor");  // names and shapes
  const Json& finetuned = json.at("finetuned");
  expect_known_keys(finetuned, {"epoch", "num_classes", "tune_type"}, "finetuned");
  Classifier classifier(config, {.kind = head_kind(finetuned.at("tune_type").get<std::string>()),
                                 .classes = finetuned.at("num_classes")});
  load_exactly(classifier, item.state("finetuned/"), "finetuned");
  classifier.train(false);
  EXPECT_TRUE(close(classifier(images), item.torch("output/finetuned_logits"), kForward));
}

TEST(CheckpointReference, TransferToOtherSizes) {
  REQUIRE_REFERENCE();
  TorchItem item("checkpoint");
  const State source = item.state("transfer/source/");
  for (const Json& one : item.json("transfer")) {
    expect_known_keys(one, {"key", "input_size", "patch_size", "use_target"}, "transfer");
    State encoder = with_prefix(source, one.at("use_target") ? "target_encoder." : "encoder.");
    encoder.merge(with_prefix(source, "encoder."));  // both encoders have the same table; it is stored once
    EncoderConfig config;
    config.image_size = one.at("input_size");
    config.patch_size = one.at("patch_size");
    const State adapted = adapted_encoder_state(encoder, config);
    const State expected = item.state(one.at("key").get<std::string>() + "/");
    EXPECT_EQ(adapted.size(), expected.size());
    for (const auto& [name, tensor] : expected) EXPECT_TRUE(close(adapted.at(name), tensor, kForward)) << one << name;
  }
  item.leave_to_others({"model/", "finetuned/", "optimizer/", "input/", "output/"});
  for (const auto& [key, view] : item.tensors()) {
    if (key.starts_with("transfer/")) continue;
    EXPECT_TRUE(key.starts_with("model/") || key.starts_with("finetuned/") || key.starts_with("optimizer/") ||
                key == "input/images" || key.starts_with("output/"))
        << "no suite covers " << key;
  }
}

}  // namespace
}  // namespace chexworld::test
