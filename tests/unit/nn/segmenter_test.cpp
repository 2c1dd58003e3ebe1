// SPDX-License-Identifier: Apache-2.0
#include "base/failure.h"
#include "bundle/bundle.h"
#include "nn/encoder_config.h"
#include "nn/segmentation.h"
#include "nn/segmenter_bundle.h"
#include "nn/tensor_convert.h"
#include "support/temporary_folder.h"

#include <c10/core/GradMode.h>
#include <gmock/gmock.h>

namespace chexworld::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

EncoderConfig encoder_of(std::int64_t patch, std::int64_t grid) {
  EncoderConfig config;
  config.image_size = grid * patch;
  config.patch_size = patch;
  config.width = 24;
  config.depth = 4;
  config.heads = 2;
  return config;
}

BundleConfig bundle_config(const EncoderConfig& encoder, const DecoderConfig& decoder) {
  BundleConfig config;
  config.encoder = encoder_shape_of(encoder);
  config.decoder = BundleDecoder{std::string(name_of(decoder.kind)), decoder.channels, {"lungs"}};
  return config;
}

void write(const std::filesystem::path& path, const BundleConfig& config, const State& state) {
  TensorMap tensors;
  for (const auto& [name, tensor] : state) tensors[name] = view_of(tensor);
  write_bundle(path, config, tensors);
}

class SegmenterKinds : public testing::TestWithParam<std::tuple<const char*, int, int>> {};

TEST_P(SegmenterKinds, AnswersEveryPixelAndComesBackFromABundle) {
  const auto& [name, patch, grid] = GetParam();
  const c10::NoGradGuard no_gradient;
  const EncoderConfig encoder = encoder_of(patch, grid);
  const DecoderConfig decoder{decoder_kind(name), 1, 8};
  const std::unique_ptr<Segmenter> segmenter = make_segmenter(encoder, decoder);
  segmenter->initialise(4);
  at::manual_seed(5);
  const at::Tensor images = at::randn({2, 3, encoder.image_size, encoder.image_size});
  (*segmenter)(images);  // moves the running statistics
  segmenter->train(false);
  const at::Tensor logits = (*segmenter)(images);
  EXPECT_THAT(logits.sizes(), ElementsAre(2, 1, encoder.image_size, encoder.image_size));
  EXPECT_TRUE(at::isfinite(logits).all().item<bool>());

  const TemporaryFolder folder;
  write(folder / "a.safetensors", bundle_config(encoder, decoder), bundle_state(*segmenter));
  const Bundle bundle = Bundle::open(folder / "a.safetensors");
  EXPECT_EQ(bundle.config().decoder->kind, name);
  EXPECT_EQ(bundle.config().decoder->labels[0], "lungs");
  EXPECT_TRUE(at::equal((*read_segmenter(bundle))(images), logits));
}

INSTANTIATE_TEST_SUITE_P(All, SegmenterKinds,
                         testing::Values(std::tuple("unet", 16, 2), std::tuple("unet4", 8, 4),
                                         std::tuple("linear", 14, 3), std::tuple("upernet", 14, 3),
                                         std::tuple("upernet", 8, 6)));

TEST(Segmenter, ChoosesByPatchSize) {
  EXPECT_EQ(usual_decoder(encoder_of(16, 2)), DecoderKind::kUnet);
  EXPECT_EQ(usual_decoder(encoder_of(8, 2)), DecoderKind::kUnet4);
  EXPECT_EQ(usual_decoder(encoder_of(14, 2)), DecoderKind::kUPerNet);
  EXPECT_THROW(make_segmenter(encoder_of(8, 2), {DecoderKind::kUnet}), Failure);
  EXPECT_THROW(decoder_kind("pyramid"), Failure);
}

TEST(Segmenter, RefusesABundleOfAnotherDecoder) {
  const TemporaryFolder folder;
  const EncoderConfig encoder = encoder_of(8, 4);
  const DecoderConfig decoder{DecoderKind::kUnet4, 1, 4};
  const std::unique_ptr<Segmenter> segmenter = make_segmenter(encoder, decoder);
  State state = bundle_state(*segmenter);
  BundleConfig config = bundle_config(encoder, decoder);
  const auto message = [&](const char* file) {
    write(folder / file, config, state);
    const auto read = capture([&] { read_segmenter(Bundle::open(folder / file)); });
    return read.ok() ? std::string("no failure") : read.error().message();
  };
  config.decoder->channels = 8;
  EXPECT_THAT(message("wide"), HasSubstr("do not fit"));
  config.decoder->channels = 4;
  state["decoder.more"] = at::zeros({1});
  EXPECT_THAT(message("more"), HasSubstr("more"));
  state.erase("decoder.more");
  state.erase("decoder.head.out.bias");
  EXPECT_THAT(message("less"), HasSubstr("lacks tensor head.out.bias"));
  config.decoder.reset();
  EXPECT_THROW(write(folder / "none", config, state), Failure) << "tensors that nobody announced";
}

}  // namespace
}  // namespace chexworld::test
