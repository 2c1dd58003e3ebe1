// SPDX-License-Identifier: Apache-2.0
//
// Reference items as tensors, modules' configurations and comparisons.
#pragma once

#include "nn/encoder.h"
#include "nn/predictor.h"
#include "nn/state.h"
#include "reference/reference_item.h"

namespace chexworld::test {

/// With tensors of LibTorch.
class TorchItem : public ReferenceItem {
 public:
  using ReferenceItem::ReferenceItem;

  at::Tensor torch(const std::string& key);
  /// key.0, key.1, ...
  std::vector<at::Tensor> list(const std::string& key);
  /// Everything below `prefix`, without it.
  State state(const std::string& prefix);
  /// Tensors below these prefixes are for another test.
  void leave_to_others(const std::vector<std::string>& prefixes);

  /// Fails for everything that nobody asked for.
  void expect_everything_seen() const { EXPECT_EQ(unseen(), std::vector<std::string>{}); }
};

/// Fails for every key of `object` that is not known: an option that these tests do not understand.
void expect_known_keys(const Json& object, const std::set<std::string>& known, const std::string& where);
/// Fails unless object[key] is absent or `only`: an option of which these tests know one value.
void expect_only(const Json& object, const std::string& key, const Json& only);

/// "encoder" objects of the JSON files. Unknown keys fail the test.
EncoderConfig encoder_config(const Json& encoder);
/// "predictor" objects. Unknown keys fail the test.
PredictorConfig predictor_config(const Json& predictor, const EncoderConfig& encoder);

/// Largest |difference| over the largest |expected|; shapes must agree.
testing::AssertionResult close(const at::Tensor& actual, const at::Tensor& expected, double tolerance);
/// Same for one number.
testing::AssertionResult close(double actual, double expected, double tolerance);

inline constexpr double kForward = 2e-5;
inline constexpr double kGradient = 1e-4;
inline constexpr double kScalar = 1e-5;

/// Every gradient below `prefix` against the module's, and none beside them: other trainable tensors have no gradient.
/// The key part of attention biases, which is noise around zero, is left out.
void expect_gradients(const std::vector<NamedTensor>& parameters, const State& expected);
/// L2 norm over all gradients.
double gradient_norm(const std::vector<NamedTensor>& parameters);
void clear_gradients(const std::vector<NamedTensor>& parameters);

/// Zeroes the key part of `*.attn.qkv.bias`, whose gradient is mathematically zero; other tensors as they are.
at::Tensor without_key_bias(const std::string& name, const at::Tensor& tensor);

}  // namespace chexworld::test
