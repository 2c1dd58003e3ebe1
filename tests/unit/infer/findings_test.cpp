// SPDX-License-Identifier: Apache-2.0
//
// Findings of every kind of head against the same head as a LibTorch module, on the engine's own tokens.
#include "base/failure.h"
#include "infer/heat_map.h"
#include "infer/kernels.h"
#include "nn/heads.h"
#include "nn/state.h"
#include "random_bundle.h"
#include "support/temporary_folder.h"

#include <chexworld/engine.h>

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <map>

namespace chexworld::test {
namespace {

using Kind = BundleHead::Kind;

struct HeadCase {
  const char* name;
  Kind kind;
  bool contributes;
};

class Findings : public testing::TestWithParam<HeadCase> {
 protected:
  static constexpr std::int64_t kBatch = 3;

  BundleHead head(bool exclusive) const {
    return {GetParam().kind,
            exclusive,
            {{"Effusion", 0.5, 1, 0}, {"Pneumonia", 0.3, 1.7, -0.4}, {"Nodule", 0.5, -0.5, 2}, {"Oedema", 0.9, 1, 0}},
            GetParam().kind == Kind::kAttentive ? 6 : 12};
  }

  /// An engine with a random encoder and head; max_batch 2, so that a batch of 3 is cut.
  Engine load(bool exclusive, Precision precision = Precision::kF32) {
    bundle_ = RandomBundle(shape_, {.linear = 0.1F, .norm = 0.2F}, 31);
    bundle_.add_head(head(exclusive), 0.2F, 32);
    bundle_.write(folder_ / "model.safetensors");
    return Engine::load(folder_ / "model.safetensors", {.precision = precision, .threads = 2, .max_batch = 2}).value();
  }

  struct Outcome {
    std::vector<float> patches, findings, logits, contributions;
  };

  Outcome run(const Engine& engine) const {
    const auto patches = std::size_t(shape_.patches()), labels = head(false).labels.size();
    Outcome outcome;
    outcome.patches.resize(kBatch * patches * std::size_t(shape_.width));
    outcome.findings.resize(kBatch * labels);
    outcome.logits.resize(kBatch * labels);
    if (GetParam().contributes) outcome.contributions.resize(kBatch * labels * patches);
    engine
        .run(images_, kBatch,
             {.patches = outcome.patches,
              .findings = outcome.findings,
              .logits = outcome.logits,
              .contributions = outcome.contributions})
        .value();
    return outcome;
  }

  /// Logits f32[B,K] of the head as a module.
  std::vector<float> expected_logits(std::vector<float> tokens) const {
    static const std::map<Kind, HeadKind> kKinds{{Kind::kLinear, HeadKind::kLinear},
                                                 {Kind::kNormLinear, HeadKind::kNormLinear},
                                                 {Kind::kAttentive, HeadKind::kAttentive},
                                                 {Kind::kMlp, HeadKind::kMlp}};
    const HeadConfig config{.kind = kKinds.at(GetParam().kind), .classes = 4, .attention_heads = 6};
    const auto module = make_head(config, shape_.width);
    State state;
    for (const auto& [name, values] : bundle_.values) {
      if (name.starts_with("head.")) state[name.substr(5)] = at::tensor(values).reshape(bundle_.shape_of(name));
    }
    load_exactly(*module, state, "test");
    const at::Tensor logits =
        (*module)(at::from_blob(tokens.data(), {kBatch, shape_.patches(), shape_.width})).detach().contiguous();
    return {logits.const_data_ptr<float>(), logits.const_data_ptr<float>() + logits.numel()};
  }

  const EncoderShape shape_ = small_shape();
  const std::vector<float> images_ = random_images(shape_, kBatch, 33);
  RandomBundle bundle_{shape_, {}, 1};
  TemporaryFolder folder_;
};

TEST_P(Findings, LogitsAreThoseOfTheModule) {
  const Outcome found = run(load(false));
  const auto expected = expected_logits(found.patches);
  float largest = 1;
  for (const float value : expected) largest = std::max(largest, std::abs(value));
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(found.logits[i], expected[i], 1e-5F * largest);
}

TEST_P(Findings, ProbabilitiesAreCalibratedOneByOne) {
  const Outcome found = run(load(false));
  const BundleHead all = head(false);
  for (std::size_t i = 0; i < found.logits.size(); ++i) {
    const BundleLabel& label = all.labels[i % 4];
    EXPECT_NEAR(found.findings[i], 1 / (1 + std::exp(-(label.slope * double(found.logits[i]) + label.intercept))),
                1e-6);
  }
}

TEST_P(Findings, ExclusiveProbabilitiesSumToOne) {
  const Engine engine = load(true);
  const Outcome found = run(engine);
  for (std::size_t row = 0; row < kBatch; ++row) {
    double sum = 0;
    for (std::size_t k = 0; k < 4; ++k) sum += double(found.findings[row * 4 + k]);
    EXPECT_NEAR(sum, 1, 1e-6);
  }
  EXPECT_EQ(engine.run(images_, kBatch).value().findings, found.findings);
}

TEST_P(Findings, ContributionsOfThePatchesSumToTheLogit) {
  const Engine engine = load(false);
  ASSERT_EQ(engine.facts().has_contributions, GetParam().contributes);
  const auto patches = std::size_t(shape_.patches());
  if (!GetParam().contributes) {
    std::vector<float> unwanted(kBatch * 4 * patches);
    const auto refused = engine.run(images_, kBatch, {.contributions = unwanted});
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidArgument);
    return;
  }
  const Outcome found = run(engine);
  for (std::size_t i = 0; i < found.logits.size(); ++i) {
    double sum = 0, least = 1e9, most = -1e9;
    for (std::size_t n = 0; n < patches; ++n) {
      const auto each = double(found.contributions[i * patches + n]);
      sum += each;
      least = std::min(least, each);
      most = std::max(most, each);
    }
    EXPECT_NEAR(sum, found.logits[i], 1e-4);
    EXPECT_GT(most - least, 1e-4) << "patches differ";
  }
}

/// Influence is defined by a patch's weight in the pooling. To give one patch a little more weight, all tokens are
/// given many times over, and that one once more.
TEST_P(Findings, InfluenceIsWhatMoreWeightOfAPatchWouldDo) {
  const Outcome found = run(load(false));
  const auto head = read_findings_head(Bundle::open(folder_ / "model.safetensors"));
  const auto width = std::size_t(shape_.width), patches = std::size_t(shape_.patches());
  constexpr std::size_t kCopies = 50;
  const std::vector<float> tokens(found.patches.begin(), found.patches.begin() + std::ptrdiff_t(patches * width));
  std::vector<float> many;
  for (std::size_t copy = 0; copy < kCopies; ++copy) many.insert(many.end(), tokens.begin(), tokens.end());
  const auto logits_of = [&](const std::vector<float>& all) {
    std::vector<float> mean(width), logits(4);
    mean_of_rows(all.data(), all.size() / width, width, mean.data());
    head->logits(all.data(), std::int64_t(all.size() / width), mean.data(), logits.data());
    return logits;
  };
  const std::vector<float> before = logits_of(many);
  std::vector<float> mean(width), influence(patches);
  mean_of_rows(tokens.data(), patches, width, mean.data());
  for (std::size_t label = 0; label < 4; ++label) {
    head->influence(tokens.data(), shape_.patches(), mean.data(), label, influence.data());
    double sum = 0, largest = 0;
    for (const float value : influence) sum += double(value), largest = std::max(largest, std::abs(double(value)));
    EXPECT_NEAR(sum, 0, 1e-4 * largest);
    for (const std::size_t patch : {std::size_t(0), patches / 2, patches - 1}) {
      std::vector<float> heavier = many;
      heavier.insert(heavier.end(), tokens.begin() + std::ptrdiff_t(patch * width),
                     tokens.begin() + std::ptrdiff_t((patch + 1) * width));
      const double slope = (double(logits_of(heavier)[label]) - double(before[label])) * double(kCopies);
      EXPECT_NEAR(influence[patch], slope, 0.03 * largest) << "label " << label << ", patch " << patch;
    }
  }
}

TEST_P(Findings, AHeatMapAgreesWithTheEngine) {
  const Outcome found = run(load(false));
  const Bundle bundle = Bundle::open(folder_ / "model.safetensors");
  const auto findings = read_findings_head(bundle);
  const auto patches = std::size_t(shape_.patches());
  const std::span tokens(found.patches.data(), patches * std::size_t(shape_.width));
  for (std::size_t label = 0; label < 4; ++label) {
    const HeatMap map = heat_map(*findings, head(false), tokens, shape_.patches(), label);
    EXPECT_EQ(map.grid, 4);
    EXPECT_EQ(map.finding, head(false).labels[label].name);
    EXPECT_NEAR(map.logit, found.logits[label], 1e-4);
    EXPECT_NEAR(map.probability, found.findings[label], 1e-5);
    EXPECT_EQ(map.kind == HeatMap::Kind::kContribution, GetParam().contributes);
    if (!GetParam().contributes) continue;
    double sum = 0;
    for (const float value : map.values) sum += double(value);
    EXPECT_NEAR(sum, map.logit, 1e-4);
    EXPECT_NE(map.bias_share, 0);
  }
  EXPECT_THROW(label_named(head(false), "Cardiomegaly"), Failure);
}

TEST_P(Findings, FactsNameTheLabels) {
  const Engine engine = load(false);
  ASSERT_TRUE(engine.facts().head);
  EXPECT_EQ(*engine.facts().head, head(false));
}

INSTANTIATE_TEST_SUITE_P(Heads, Findings,
                         testing::Values(HeadCase{"fc", Kind::kLinear, true},
                                         HeadCase{"norm_fc", Kind::kNormLinear, true},
                                         HeadCase{"attn", Kind::kAttentive, false}, HeadCase{"mlp", Kind::kMlp, false}),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(FindingsWithoutAHead, AreRefused) {
  TemporaryFolder folder;
  RandomBundle(small_shape(), {}, 1).write(folder / "model.safetensors");
  const Engine engine = Engine::load(folder / "model.safetensors", {.precision = Precision::kF32}).value();
  EXPECT_FALSE(engine.facts().head);
  std::vector<float> wanted(2);
  EXPECT_FALSE(engine.run(random_images(small_shape(), 1, 1), 1, {.findings = wanted}).ok());
  EXPECT_TRUE(engine.run(random_images(small_shape(), 1, 1), 1).value().findings.empty());
}

TEST(FindingsOfADamagedHead, AreRefusedAtLoad) {
  TemporaryFolder folder;
  RandomBundle bundle(small_shape(), {}, 1);
  bundle.add_head({Kind::kAttentive, false, {{"a", 0.5, 1, 0}}, 5}, 0.1F, 2);
  bundle.write(folder / "model.safetensors");
  const auto refused = Engine::load(folder / "model.safetensors", {.precision = Precision::kF32});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kMalformed);
  RandomBundle clean(small_shape(), {}, 1);
  clean.add_head({Kind::kLinear, false, {{"a", 0.5, 1, 0}}}, 0.1F, 2);
  clean.values.at("head.bias")[0] = std::nanf("");
  clean.write(folder / "model.safetensors");
  EXPECT_FALSE(Engine::load(folder / "model.safetensors", {.precision = Precision::kF32}).ok());
}

}  // namespace
}  // namespace chexworld::test
