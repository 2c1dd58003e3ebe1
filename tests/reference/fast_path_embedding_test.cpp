// SPDX-License-Identifier: Apache-2.0
//
// What the fast path may change: the embedding of an untrained encoder must hardly move. Untrained embeddings of
// different films lie close together, so the mean embedding is taken off before they are compared.
#include "dicom/radiograph.h"
#include "image/prepare.h"
#include "nn/encoder.h"
#include "support/dicom_sets.h"

#include <gtest/gtest.h>

#include <cstdio>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cosine_similarity.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/stack.h>

namespace chexworld {
namespace {

constexpr double kLeastCosine = 0.999;

at::Tensor embedding_of(const VisionTransformer& encoder, const GrayImage& film, const PreparationRecipe& recipe) {
  std::vector<float> input = prepare(film, recipe);
  const std::int64_t side = recipe.side();
  return encoder.pooled(at::from_blob(input.data(), {1, 3, side, side})).clone().squeeze(0);
}

struct Pairs {
  std::vector<std::string> names;
  std::vector<at::Tensor> full, fast;
};

Pairs embed_reduced_films(const VisionTransformer& encoder, const PreparationRecipe& recipe) {
  Pairs pairs;
  for (const char* set : {"wg04", "cxr", "real"}) {
    for (const test::DicomCase& item : test::dicom_cases(set)) {
      RenderOptions full = options_for(recipe, false), fast = options_for(recipe, true);
      full.render_skipped = fast.render_skipped = true;
      const auto quick = chexworld::load_radiograph(item.file, fast);
      if (!quick.ok() || quick->attributes.decoder.find(" at 1/") == std::string::npos) continue;
      pairs.names.push_back(item.row.at("file") + " by " + quick->attributes.decoder);
      pairs.fast.push_back(embedding_of(encoder, quick->picture, recipe));
      pairs.full.push_back(embedding_of(encoder, chexworld::load_radiograph(item.file, full).value().picture, recipe));
    }
  }
  return pairs;
}

TEST(FastPathEmbedding, StaysWithTheFullPath) {
  if (!test::have_data()) GTEST_SKIP() << "no test data: set CHEXWORLD_DATA_DIR";
  const at::NoGradGuard no_gradients;
  EncoderConfig config;
  config.width = 192;
  config.depth = 6;
  config.heads = 6;
  VisionTransformer encoder(config);
  encoder.initialise(1);
  encoder.train(false);
  const Pairs pairs = embed_reduced_films(encoder, {});
  ASSERT_FALSE(pairs.names.empty());
  const at::Tensor full = at::stack(pairs.full), fast = at::stack(pairs.fast), mean = full.mean(0, true);
  const at::Tensor plain = at::cosine_similarity(full, fast, 1),
                   centred = at::cosine_similarity(full - mean, fast - mean, 1);
  for (std::size_t i = 0; i < pairs.names.size(); ++i) {
    const double cosine = plain[std::int64_t(i)].item<double>(), strict = centred[std::int64_t(i)].item<double>();
    std::printf("%-85s cosine %.6f, centred %.6f\n", pairs.names[i].c_str(), cosine, strict);
    EXPECT_GE(cosine, kLeastCosine) << pairs.names[i];
    EXPECT_GE(strict, kLeastCosine) << pairs.names[i];
  }
  std::printf("least cosine %.6f, centred %.6f, of %zu reduced films\n", plain.min().item<double>(),
              centred.min().item<double>(), pairs.names.size());
}

}  // namespace
}  // namespace chexworld
