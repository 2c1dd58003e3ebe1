// SPDX-License-Identifier: Apache-2.0
//
// Items world_model_loss, ijepa_loss and domain_sensitivity.
#include "reference/worldmodel_item.h"
#include "support/test_data.h"
#include "worldmodel/domain_sensitivity.h"
#include "worldmodel/masked_objective.h"

namespace chexworld::test {
namespace {

#define REQUIRE_REFERENCE() \
  if (!have_reference()) GTEST_SKIP() << "no reference numbers here (CHEXWORLD_REFERENCE_DIR)"

/// The numbers of one result: every scalar in the JSON is compared, unknown ones fail.
void expect_loss(const WorldModelLoss& loss, const Json& expected, const std::string& where) {
  const std::map<std::string, at::Tensor> found{
      {"loss", loss.loss}, {"loss_intra", loss.intra}, {"loss_extra", loss.extra}, {"l11", loss.l11},
      {"l22", loss.l22},   {"l21", loss.l21},          {"l12", loss.l12},          {"pred_var", loss.deviation}};
  for (const auto& [key, value] : expected.items()) {
    if (key == "options" || key == "grad_norm") continue;  // the caller's
    if (!found.contains(key)) {
      ADD_FAILURE() << where << ": no test understands " << key;
    } else {
      EXPECT_TRUE(close(found.at(key).item<double>(), value.get<double>(), kScalar)) << where << ": " << key;
    }
  }
}

class WorldModelLossReference : public testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_REFERENCE();
    item_ = std::make_unique<TorchItem>("world_model_loss");
    json_ = item_->whole_json();
    model_ = std::make_unique<WorldModel>(world_model_config(json_));
    load_exactly(*model_, item_->state("state/"), "world_model_loss");
    batch_ = dual_view_batch(*item_, "input/");
  }

  std::unique_ptr<TorchItem> item_;
  Json json_;
  std::unique_ptr<WorldModel> model_;
  DualViewBatch batch_;
};

TEST_F(WorldModelLossReference, LossTermsAndGradients) {
  expect_known_keys(json_,
                    {"encoder", "predictor", "options", "batch", "context_len", "target_len", "l2", "l1", "variants",
                     "no_grad", "float32_vs_float64"},
                    "world_model_loss");
  const Objective objective = objective_from(json_.at("options"));
  const WorldModelTerms terms = world_model_terms(*model_, batch_, objective);
  EXPECT_TRUE(close(terms.term11.target, item_->torch("output/h1"), kForward));
  EXPECT_TRUE(close(terms.term22.target, item_->torch("output/h2"), kForward));
  EXPECT_TRUE(at::equal(terms.term12.target, terms.term11.target));
  EXPECT_TRUE(at::equal(terms.term21.target, terms.term22.target));
  EXPECT_TRUE(close(terms.term11.predicted, item_->torch("output/z11"), kForward));
  EXPECT_TRUE(close(terms.term22.predicted, item_->torch("output/z22"), kForward));
  EXPECT_TRUE(close(terms.term21.predicted, item_->torch("output/z21"), kForward));
  EXPECT_TRUE(close(terms.term12.predicted, item_->torch("output/z12"), kForward));

  const WorldModelLoss loss = world_model_loss(terms, objective);
  loss.loss.backward();
  expect_gradients(model_->parameters(), item_->state("grad/"));
  EXPECT_TRUE(close(gradient_norm(model_->parameters()), json_.at("l2").at("grad_norm"), kScalar));
  for (const auto& [name, parameter] : model_->parameters()) {
    const auto& none = json_.at("no_grad");
    EXPECT_EQ(!parameter.grad().defined(), std::find(none.begin(), none.end(), name) != none.end()) << name;
  }
  item_->expect_everything_seen();
}

TEST_F(WorldModelLossReference, EveryVariant) {
  const c10::InferenceMode inference;
  const Json& options = json_.at("options");
  const auto loss_with = [&](Json changed) { return world_model_loss(*model_, batch_, objective_from(changed)); };
  const auto with = [&](const Json& changes) {
    Json changed = options;
    changed.update(changes);
    return changed;
  };
  expect_loss(loss_with(with({{"loss_type", "l2"}})), json_.at("l2"), "l2");
  expect_loss(loss_with(with({{"loss_type", "l1"}})), json_.at("l1"), "l1");
  for (const auto& [name, variant] : json_.at("variants").items())
    expect_loss(loss_with(with(variant.at("options"))), variant, "variant " + name);
  report_coverage("variants of the loss", json_.at("variants").size() + 2, json_.at("variants").size() + 2);
}

TEST(MaskedLossReference, BothQueryTablesAndLosses) {
  REQUIRE_REFERENCE();
  TorchItem item("ijepa_loss");
  const Json& json = item.whole_json();
  expect_known_keys(
      json,
      {"encoder", "predictor", "batch", "num_pred_masks", "context_len", "target_len", "results", "float32_vs_float64"},
      "ijepa_loss");
  const std::vector<at::Tensor> shown = item.list("input/masks_enc");
  ASSERT_EQ(shown.size(), 1u) << "one context list is all that the objective has";
  const MaskedBatch batch{item.torch("input/images"), shown[0], item.list("input/masks_pred")};
  const at::Tensor features = item.torch("output/h");
  for (const auto& [name, expected] : json.at("results").items()) {
    expect_known_keys(expected, {"loss", "grad_norm"}, name);
    const std::string table = name.substr(0, name.find('/')), distance = name.substr(name.find('/') + 1);
    ASSERT_TRUE(table == "rel_zero" || table == "absolute") << "no test understands " << name;
    ASSERT_TRUE(distance == "l1" || distance == "l2") << "no test understands " << name;
    WorldModelConfig config = world_model_config(json);
    config.predictor.absolute_queries = table == "absolute";
    WorldModel model(config);
    load_exactly(model, item.state("state/"), name);
    const std::vector<Term> terms = masked_terms(model, batch);
    std::vector<at::Tensor> predicted, target;
    for (const Term& term : terms) {
      predicted.push_back(term.predicted);
      target.push_back(term.target);
    }
    EXPECT_TRUE(close(at::cat(target), features, kForward)) << name;
    EXPECT_TRUE(close(at::cat(predicted), item.torch("output/" + table + "/z"), kForward)) << name;
    const at::Tensor loss = masked_loss(terms, distance == "l1" ? Distance::kSmoothL1 : Distance::kMeanSquared);
    EXPECT_TRUE(close(loss.item<double>(), expected.at("loss"), kScalar)) << name;
    loss.backward();
    EXPECT_TRUE(close(gradient_norm(model.parameters()), expected.at("grad_norm"), kScalar)) << name;
    if (any_starts_with(item, "grad/" + name + "/"))
      expect_gradients(model.parameters(), item.state("grad/" + name + "/"));
  }
  item.expect_everything_seen();
}

TEST(DomainSensitivityReference, DistancesRanksAndRecall) {
  REQUIRE_REFERENCE();
  TorchItem item("domain_sensitivity");
  const Json& json = item.whole_json();
  expect_known_keys(json, {"encoder", "predictor", "candidates", "with_action", "without_action", "float32_vs_float64"},
                    "domain_sensitivity");
  WorldModel model(world_model_config(json));
  load_exactly(model, item.state("state/"), "domain_sensitivity");
  model.train(false);
  DomainCandidates candidates{item.torch("input/targets"), item.torch("input/contexts"),
                              item.torch("input/context_actions"), item.torch("input/masks_enc.0"),
                              item.torch("input/masks_pred.0")};
  ASSERT_EQ(candidates.targets.size(0), json.at("candidates"));
  for (const std::string setting : {"with_action", "without_action"}) {
    if (setting == "without_action") candidates.actions = at::zeros_like(candidates.actions);
    for (const std::int64_t chunk : {std::int64_t{5}, candidates.targets.size(0)}) {
      const DomainSensitivity found = domain_sensitivity(model, candidates, chunk);
      EXPECT_TRUE(close(found.target, item.torch("output/target"), kForward)) << setting;
      EXPECT_TRUE(close(found.predicted, item.torch(setting + "/predicted"), kForward)) << setting;
      EXPECT_TRUE(close(found.distance, item.torch(setting + "/distance"), kForward)) << setting;
      EXPECT_TRUE(at::equal(found.rank, item.torch(setting + "/rank"))) << setting;
      for (const auto& [key, value] : json.at(setting).items()) {
        if (key == "smallest_gap_to_true_distance") continue;
        ASSERT_TRUE(key.starts_with("recall@")) << "no test understands " << key;
        EXPECT_DOUBLE_EQ(found.recall_at(std::stoll(key.substr(7))), value.get<double>()) << setting << " " << key;
      }
    }
  }
  item.leave_to_others({"input/image", "input/target_actions"});  // how the targets were made: augmentation
  item.expect_everything_seen();
}

}  // namespace
}  // namespace chexworld::test
