// SPDX-License-Identifier: Apache-2.0
//
// Items encoder, predictor and position_embeddings.
#include "nn/position.h"
#include "reference/torch_item.h"
#include "support/test_data.h"

namespace chexworld::test {
namespace {

#define REQUIRE_REFERENCE() \
  if (!have_reference()) GTEST_SKIP() << "the folder of reference numbers is not there"

TEST(EncoderReference, AllOutputs) {
  REQUIRE_REFERENCE();
  TorchItem item("encoder");
  Json json = item.whole_json();
  for (const char* fact :
       {"grid", "batch", "large_img_size", "large_grid", "num_masks", "mask_len", "float32_vs_float64"})
    json.erase(fact);
  const EncoderConfig config = encoder_config(json);
  VisionTransformer encoder(config);
  const State state = item.state("state/");
  EXPECT_TRUE(close(encoder.state().front().tensor, state.at("pos_embed"), kForward)) << "table as constructed";
  load_exactly(encoder, state, "encoder");
  encoder.train(false);

  const at::Tensor images = item.torch("input/images"), large = item.torch("input/images_large");
  const std::vector<at::Tensor> masks = item.list("input/masks");
  EXPECT_TRUE(close(encoder.patches(images), item.torch("output/patch_embed"), kForward));
  EXPECT_TRUE(close(encoder.tokens(images), item.torch("output/tokens"), kForward));
  EXPECT_TRUE(close(encoder.tokens(images, masks), item.torch("output/tokens_masked"), kForward));
  EXPECT_TRUE(close(encoder.tokens(images, {masks[0]}), item.torch("output/tokens_masked_single"), kForward));
  EXPECT_TRUE(close(encoder.pooled(images), item.torch("output/pooled"), kForward));
  const at::Tensor large_tokens = item.torch("output/tokens_large");
  EXPECT_TRUE(close(encoder.position_table(large_tokens.size(1)), item.torch("output/pos_embed_large"), kForward));
  EXPECT_TRUE(close(encoder.tokens(large), large_tokens, kForward));
  EXPECT_TRUE(close(encoder.pooled(large), item.torch("output/pooled_large"), kForward));

  const std::vector<at::Tensor> layers = encoder.layers(images), expected = item.list("output/layer");
  ASSERT_EQ(layers.size(), expected.size());
  for (std::size_t i = 0; i < layers.size(); ++i) EXPECT_TRUE(close(layers[i], expected[i], kForward)) << "layer " << i;
  item.expect_everything_seen();
}

PredictorConfig predictor_item_config(Json json) {
  for (const char* fact : {"batch", "context_len", "target_len", "multi", "float32_vs_float64", "num_patches"})
    json.erase(fact);
  for (const char* fixed : {"extra", "is_mmb"}) {
    expect_only(json, fixed, true);
    json.erase(fixed);
  }
  EncoderConfig encoder;
  encoder.width = json.at("embed_dim");
  encoder.image_size = json.at("grid").get<std::int64_t>() * encoder.patch_size;
  json.erase("embed_dim");
  json.erase("grid");
  return predictor_config(json, encoder);
}

TEST(PredictorReference, OneContextList) {
  REQUIRE_REFERENCE();
  TorchItem item("predictor");
  Predictor predictor(predictor_item_config(item.whole_json()));
  load_exactly(predictor, item.state("state/"), "predictor");
  predictor.train(false);
  const at::Tensor context = item.torch("input/context"), action = item.torch("input/aug_params");
  const std::vector<at::Tensor> shown = item.list("input/masks_enc"), asked = item.list("input/masks_pred");
  const auto predicted = [&](const at::Tensor& relative) { return predictor(context, shown, asked, action, relative); };
  EXPECT_TRUE(close(predicted({}), item.torch("output/none"), kForward));
  EXPECT_TRUE(close(predicted(item.torch("input/rel_pos_shift")), item.torch("output/shift"), kForward));
  EXPECT_TRUE(close(predicted(item.torch("input/rel_pos_flip")), item.torch("output/flip"), kForward));
  item.leave_to_others({"multi/"});  // the next test
  item.expect_everything_seen();
}

TEST(PredictorReference, SeveralLists) {
  REQUIRE_REFERENCE();
  TorchItem item("predictor");
  const Json& multi = item.whole_json().at("multi");
  expect_known_keys(multi, {"num_enc_masks", "num_pred_masks", "context_len", "target_len", "output_order"}, "multi");
  Predictor predictor(predictor_item_config(item.whole_json()));
  load_exactly(predictor, item.state("state/"), "predictor");
  predictor.train(false);
  const std::vector<at::Tensor> shown = item.list("multi/input/masks_enc"), asked = item.list("multi/input/masks_pred");
  EXPECT_EQ(shown.size(), multi.at("num_enc_masks"));
  EXPECT_EQ(asked.size(), multi.at("num_pred_masks"));
  const at::Tensor predicted = predictor(item.torch("multi/input/context"), shown, asked,
                                         item.torch("input/aug_params"), item.torch("multi/input/rel_pos"));
  EXPECT_TRUE(close(predicted, item.torch("multi/output"), kForward));
  item.leave_to_others({"input/", "output/"});  // the test before
  item.expect_everything_seen();
}

TEST(PositionReference, EveryTable) {
  REQUIRE_REFERENCE();
  TorchItem item("position_embeddings");
  expect_known_keys(item.whole_json(), {"abs", "rel_easy", "rel6", "float32_vs_float64"}, "position_embeddings");
  for (const Json& one : item.whole_json().at("abs")) {
    expect_known_keys(one, {"key", "embed_dim", "grid"}, "abs");
    EXPECT_TRUE(
        close(absolute_position_table(one.at("embed_dim"), one.at("grid")), item.torch(one.at("key")), kForward))
        << one;
  }
  const auto compare = [&](const char* kind, auto table) {
    for (const Json& one : item.whole_json().at(kind)) {
      expect_known_keys(one, {"key", "embed_dim", "grid", "rows", "out_dim"}, kind);
      const std::string key = one.at("key");
      const at::Tensor relative = item.torch(key + "/rel_pos");
      EXPECT_TRUE(close(table(relative, one.at("embed_dim").get<std::int64_t>(), one.at("grid").get<std::int64_t>()),
                        item.torch(key + "/out"), kForward))
          << one;
    }
  };
  compare("rel_easy", relative_position_table);
  compare("rel6", scaled_relative_position_table);
  item.expect_everything_seen();
}

}  // namespace
}  // namespace chexworld::test
