// SPDX-License-Identifier: Apache-2.0
//
// A bundle through Model against plain LibTorch modules put together here.
#include "bundle/safetensors.h"
#include "nn/encoder.h"
#include "nn/encoder_config.h"
#include "nn/tensor_convert.h"
#include "support/temporary_folder.h"

#include <chexworld/model.h>
#include <gmock/gmock.h>
#include <torch/nn.h>

namespace chexworld::test {
namespace {

using testing::HasSubstr;

/// A transformer of torch::nn modules and explicit softmax, written without a look at ours.
struct PlainTransformer {
  using Tensors = std::map<std::string, at::Tensor>;

  torch::nn::Linear linear(const std::string& name) const {
    const at::Tensor weight = tensors.at(name + ".weight");
    torch::nn::Linear layer(weight.size(1), weight.size(0));
    layer->weight.set_data(weight);
    layer->bias.set_data(tensors.at(name + ".bias"));
    return layer;
  }

  torch::nn::LayerNorm norm(const std::string& name) const {
    torch::nn::LayerNorm layer(torch::nn::LayerNormOptions({config.width}).eps(config.norm_eps));
    layer->weight.set_data(tensors.at(name + ".weight"));
    layer->bias.set_data(tensors.at(name + ".bias"));
    return layer;
  }

  at::Tensor attention(const std::string& name, const at::Tensor& x) const {
    const std::int64_t batch = x.size(0), count = x.size(1), head = config.width / config.heads;
    const auto split = linear(name + ".qkv")(x).split(config.width, 2);
    const auto heads = [&](const at::Tensor& t) {
      return t.reshape({batch, count, config.heads, head}).transpose(1, 2);
    };
    const at::Tensor scores = at::matmul(heads(split[0]), heads(split[1]).transpose(2, 3)) / std::sqrt(double(head));
    const at::Tensor mixed = at::matmul(at::softmax(scores, -1), heads(split[2]));
    return linear(name + ".proj")(mixed.transpose(1, 2).reshape({batch, count, config.width}));
  }

  at::Tensor tokens(const at::Tensor& images) const {
    const std::int64_t patch = config.patch_size;
    torch::nn::Conv2d embed(torch::nn::Conv2dOptions(config.channels, config.width, patch).stride(patch));
    embed->weight.set_data(tensors.at("patch_embed.proj.weight"));
    embed->bias.set_data(tensors.at("patch_embed.proj.bias"));
    at::Tensor x = embed(images).flatten(2).transpose(1, 2) + tensors.at("pos_embed");
    for (std::int64_t i = 0; i < config.depth; ++i) {
      const std::string block = "blocks." + std::to_string(i);
      x = x + attention(block + ".attn", norm(block + ".norm1")(x));
      x = x + linear(block + ".mlp.fc2")(torch::nn::GELU()(linear(block + ".mlp.fc1")(norm(block + ".norm2")(x))));
    }
    return norm("norm")(x);
  }

  EncoderConfig config;
  Tensors tensors;
};

/// Random weights, large enough that every part shows in the result.
PlainTransformer random_transformer(const EncoderConfig& config) {
  VisionTransformer encoder(config);
  encoder.initialise(7);
  PlainTransformer plain{config, {}};
  for (const NamedTensor& entry : encoder.state()) {
    const at::Tensor noise = at::randn(entry.tensor.sizes()) * 0.02;
    plain.tensors[entry.name] =
        entry.name == "pos_embed" ? entry.tensor.detach().clone() : entry.tensor.detach() + noise;
  }
  return plain;
}

Json bundle_config(const EncoderConfig& config) { return {{"encoder", to_json(encoder_shape_of(config))}}; }

void write_bundle(const std::filesystem::path& path, const PlainTransformer& plain, const Json& config) {
  TensorMap tensors;
  for (const auto& [name, tensor] : plain.tensors) tensors["encoder." + name] = view_of(tensor);
  write_safetensors(path, tensors, {{"chexworld.format", "1"}, {"chexworld.config", config.dump()}});
}

std::span<const float> numbers(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<float>(), std::size_t(tensor.numel())};
}

class ModelTest : public testing::Test {
 protected:
  ModelTest() { at::manual_seed(3); }

  /// A small one, written as a bundle.
  PlainTransformer small() const {
    EncoderConfig config;
    config.image_size = 32;
    config.patch_size = 8;
    config.width = 24;
    config.depth = 2;
    config.heads = 3;
    return random_transformer(config);
  }

  const c10::InferenceMode inference_;
  TemporaryFolder folder_;
};

double cosine(const at::Tensor& a, const at::Tensor& b) {
  return at::cosine_similarity(a.to(at::kDouble), b.to(at::kDouble), 1).min().item<double>();
}

TEST_F(ModelTest, VitBaseEmbedsLikePlainModules) {
  const PlainTransformer plain = random_transformer(EncoderConfig::preset("vit_base").value());
  write_bundle(folder_ / "base.safetensors", plain, bundle_config(plain.config));
  const Result<Model> model = Model::load(folder_ / "base.safetensors");
  ASSERT_TRUE(model.ok()) << model.error().message();
  const at::Tensor images = at::randn({2, 3, 224, 224});
  const std::vector<float> embedding = model->embed(numbers(images), 2, 224).value();
  const at::Tensor ours = at::tensor(embedding).reshape({2, 768});
  const at::Tensor expected = plain.tokens(images).mean(1);
  EXPECT_GT(cosine(ours, expected), 0.99999);
  EXPECT_TRUE(at::allclose(ours, expected, 1e-3, 1e-4));
}

TEST_F(ModelTest, PatchEmbeddingsAverageToTheEmbedding) {
  const PlainTransformer plain = small();
  write_bundle(folder_ / "small.safetensors", plain, bundle_config(plain.config));
  const Model model = Model::load(folder_ / "small.safetensors").value();
  EXPECT_EQ(model.encoder(), plain.config);
  const at::Tensor images = at::randn({2, 3, 48, 48});  // another size than trained with
  const at::Tensor patches = at::tensor(model.embed_patches(numbers(images), 2, 48).value()).reshape({2, 36, 24});
  const at::Tensor embedding = at::tensor(model.embed(numbers(images), 2, 48).value()).reshape({2, 24});
  EXPECT_TRUE(at::allclose(patches.mean(1), embedding, 1e-5, 1e-6));
}

TEST_F(ModelTest, RefusesImagesOfAnotherSize) {
  const PlainTransformer plain = small();
  write_bundle(folder_ / "small.safetensors", plain, bundle_config(plain.config));
  const Model model = Model::load(folder_ / "small.safetensors").value();
  const std::vector<float> images(3 * 32 * 32);
  EXPECT_THAT(model.embed(images, 2, 32).error().message(), HasSubstr("not 2 images"));
  EXPECT_EQ(model.embed(images, 0, 32).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(model.embed(std::vector<float>(3 * 30 * 30), 1, 30).error().message(), HasSubstr("patch size 8"));
}

TEST_F(ModelTest, RefusesBundlesThatDoNotFit) {
  const auto error_of = [&](const PlainTransformer& plain, const Json& config) {
    write_bundle(folder_ / "bad.safetensors", plain, config);
    const Result<Model> model = Model::load(folder_ / "bad.safetensors");
    return model.ok() ? std::string("no error") : model.error().message();
  };
  const PlainTransformer good = small();
  const Json config = bundle_config(good.config);
  EXPECT_EQ(error_of(good, config), "no error");
  EXPECT_THAT(error_of(good, Json::object()), HasSubstr("the key 'encoder' is missing"));

  PlainTransformer bad = good;
  bad.tensors.erase("blocks.1.attn.qkv.bias");
  EXPECT_THAT(error_of(bad, config), HasSubstr("encoder.blocks.1.attn.qkv.bias"));
  bad = good;
  bad.tensors["cls_token"] = at::zeros({1, 1, 24});
  EXPECT_THAT(error_of(bad, config), HasSubstr("encoder.cls_token"));
  bad = good;
  bad.tensors["norm.weight"] = at::ones({25});
  EXPECT_THAT(error_of(bad, config), HasSubstr("[25]"));
  bad = good;
  bad.tensors["norm.bias"] = at::full({24}, std::numeric_limits<float>::quiet_NaN());
  EXPECT_THAT(error_of(bad, config), HasSubstr("norm.bias holds infinities or NaN"));
}

TEST_F(ModelTest, SaysWhatIsMissing) {
  EXPECT_EQ(Model::load(folder_ / "none.safetensors").error().code(), ErrorCode::kNotFound);
  write_safetensors(folder_ / "plain.safetensors", {}, {});
  EXPECT_THAT(Model::load(folder_ / "plain.safetensors").error().message(), HasSubstr("is no bundle"));
}

TEST(EncoderConfig, PresetsHavePublishedSizes) {
  const auto width_depth_heads = [](const char* name) {
    const EncoderConfig config = EncoderConfig::preset(name).value();
    return std::vector<std::int64_t>{config.width, config.depth, config.heads, block_config(config).mlp_hidden};
  };
  EXPECT_THAT(width_depth_heads("vit_tiny"), testing::ElementsAre(192, 12, 3, 768));
  EXPECT_THAT(width_depth_heads("vit_small"), testing::ElementsAre(384, 12, 6, 1536));
  EXPECT_THAT(width_depth_heads("vit_base"), testing::ElementsAre(768, 12, 12, 3072));
  EXPECT_THAT(width_depth_heads("vit_large"), testing::ElementsAre(1024, 24, 16, 4096));
  EXPECT_THAT(width_depth_heads("vit_huge"), testing::ElementsAre(1280, 32, 16, 5120));
  EXPECT_THAT(width_depth_heads("vit_giant"), testing::ElementsAre(1408, 40, 16, 6144));
  EXPECT_EQ(EncoderConfig::preset("vit_base", 224, 14).value().patches(), 256);
  EXPECT_THAT(EncoderConfig::preset("vit_base", 224, 15).error().message(),
              HasSubstr("not a multiple of patch size 15"));
}

}  // namespace
}  // namespace chexworld::test
