// SPDX-License-Identifier: Apache-2.0
#include "reference/torch_item.h"

#include "nn/tensor_convert.h"

namespace chexworld::test {

at::Tensor TorchItem::torch(const std::string& key) { return owned_tensor(tensor(key)); }

std::vector<at::Tensor> TorchItem::list(const std::string& key) {
  std::vector<at::Tensor> all;
  while (has(key + "." + std::to_string(all.size()))) all.push_back(torch(key + "." + std::to_string(all.size())));
  EXPECT_FALSE(all.empty()) << "no list " << key;
  return all;
}

State TorchItem::state(const std::string& prefix) {
  State part;
  for (const auto& [key, view] : tensors()) {
    if (key.starts_with(prefix)) part.emplace(key.substr(prefix.size()), torch(key));
  }
  EXPECT_FALSE(part.empty()) << "nothing below " << prefix;
  return part;
}

void TorchItem::leave_to_others(const std::vector<std::string>& prefixes) {
  for (const auto& [key, view] : tensors()) {
    for (const std::string& prefix : prefixes) {
      if (key.starts_with(prefix)) leave_out(key);
    }
  }
}

void expect_known_keys(const Json& object, const std::set<std::string>& known, const std::string& where) {
  for (const auto& item : object.items()) {
    EXPECT_TRUE(known.contains(item.key())) << where << ": no test understands the key '" << item.key() << "'";
  }
}

void expect_only(const Json& object, const std::string& key, const Json& only) {
  EXPECT_EQ(object.value(key, only), only) << "no test understands this value of '" << key << "'";
}

EncoderConfig encoder_config(const Json& encoder) {
  expect_known_keys(encoder,
                    {"img_size", "patch_size", "in_chans", "embed_dim", "depth", "num_heads", "mlp_ratio", "qkv_bias",
                     "layer_norm_eps"},
                    "encoder");
  EncoderConfig config;
  config.image_size = encoder.at("img_size");
  config.patch_size = encoder.at("patch_size");
  config.channels = encoder.value("in_chans", std::int64_t{3});
  config.width = encoder.at("embed_dim");
  config.depth = encoder.at("depth");
  config.heads = encoder.at("num_heads");
  config.mlp_ratio = encoder.value("mlp_ratio", 4.0);
  config.qkv_bias = encoder.value("qkv_bias", true);
  config.norm_eps = encoder.value("layer_norm_eps", 1e-6);
  return config;
}

PredictorConfig predictor_config(const Json& predictor, const EncoderConfig& encoder) {
  expect_known_keys(predictor,
                    {"predictor_embed_dim", "depth", "num_heads", "mlp_ratio", "qkv_bias", "layer_norm_eps",
                     "policy_dim", "policy_net_layers", "policy_net", "cond_type", "ssl_type", "unify_embed"},
                    "predictor");
  expect_only(predictor, "cond_type", "feat");
  expect_only(predictor, "ssl_type", "iwm_dual_easy");
  PredictorConfig config;
  config.encoder_width = encoder.width;
  config.grid = encoder.grid();
  config.width = predictor.at("predictor_embed_dim");
  config.depth = predictor.at("depth");
  config.heads = predictor.at("num_heads");
  config.mlp_ratio = predictor.value("mlp_ratio", 4.0);
  config.qkv_bias = predictor.value("qkv_bias", true);
  config.norm_eps = predictor.value("layer_norm_eps", 1e-6);
  config.action_size = predictor.value("policy_net", true) ? predictor.value("policy_dim", std::int64_t{5}) : 0;
  config.policy_layers = predictor.value("policy_net_layers", std::int64_t{3});
  config.unify_embed = predictor.value("unify_embed", false);
  return config;
}

testing::AssertionResult close(const at::Tensor& actual, const at::Tensor& expected, double tolerance) {
  if (actual.sizes() != expected.sizes())
    return testing::AssertionFailure() << "shape " << actual.sizes() << " instead of " << expected.sizes();
  if (expected.numel() == 0) return testing::AssertionFailure() << "nothing to compare";
  const at::Tensor wanted = expected.to(at::kDouble);
  const double largest = wanted.abs().max().item<double>();
  const double difference = (actual.detach().to(at::kDouble) - wanted).abs().max().item<double>();
  if (difference <= tolerance * largest) return testing::AssertionSuccess();  // false for NaN
  return testing::AssertionFailure() << "differs by " << difference << " of largest " << largest;
}

testing::AssertionResult close(double actual, double expected, double tolerance) {
  if (std::abs(actual - expected) <= tolerance * std::abs(expected)) return testing::AssertionSuccess();
  return testing::AssertionFailure() << actual << " instead of " << expected;
}

at::Tensor without_key_bias(const std::string& name, const at::Tensor& tensor) {
  if (!name.ends_with("attn.qkv.bias")) return tensor;
  const at::Tensor rest = tensor.detach().clone();
  const std::int64_t width = rest.numel() / 3;
  rest.narrow(0, width, width).zero_();
  return rest;
}

void expect_gradients(const std::vector<NamedTensor>& parameters, const State& expected) {
  std::set<std::string> seen;
  for (const auto& [name, parameter] : parameters) {
    const auto wanted = expected.find(name);
    seen.insert(name);
    if (wanted == expected.end()) {
      EXPECT_FALSE(parameter.grad().defined()) << name << " has a gradient";
    } else if (!parameter.grad().defined()) {
      ADD_FAILURE() << name << " has no gradient";
    } else {
      EXPECT_TRUE(close(without_key_bias(name, parameter.grad()), without_key_bias(name, wanted->second), kGradient))
          << "gradient of " << name;
    }
  }
  for (const auto& [name, tensor] : expected) EXPECT_TRUE(seen.contains(name)) << "no parameter " << name;
}

double gradient_norm(const std::vector<NamedTensor>& parameters) {
  double sum = 0;
  for (const auto& [name, parameter] : parameters) {
    if (parameter.grad().defined()) sum += parameter.grad().to(at::kDouble).square().sum().item<double>();
  }
  return std::sqrt(sum);
}

void clear_gradients(const std::vector<NamedTensor>& parameters) {
  for (NamedTensor parameter : parameters) parameter.tensor.mutable_grad().reset();
}

}  // namespace chexworld::test
