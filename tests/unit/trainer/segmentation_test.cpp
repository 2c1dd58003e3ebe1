// SPDX-License-Identifier: Apache-2.0
//
// Decoders that learn drawn masks, and the bundles that come of it.
#include "base/failure.h"
#include "bundle/bundle.h"
#include "nn/segmenter_bundle.h"
#include "support/process.h"
#include "support/temporary_folder.h"
#include "trainer/segmentation/segmentation_run.h"
#include "trainer/segmentation/segmentation_task.h"
#include "unit/infer/random_bundle.h"
#include "unit/trainer/masked_films.h"

#include <ATen/Parallel.h>
#include <cmath>
#include <gmock/gmock.h>

namespace chexworld::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class SegmentationTest : public testing::Test {
 protected:
  SegmentationTest() : archive_(built(folder_ / "archive")), table_(archive_) {
    at::set_num_threads(1);
    write_masks(folder_ / "masks", 24);
    films_ = masks_of_folder(table_, table_.films(), test_key(), folder_ / "masks", "films", false);
    EncoderShape shape = small_shape();
    RandomBundle bundle(shape, {.linear = 0.05F}, 3);
    bundle.config.preprocessing = {{"resize", shape.image_size + 4}, {"crop", shape.image_size}};
    bundle.config.licence = "CC0";
    bundle.write(folder_ / "encoder.safetensors");
    settings_.decoder = "linear";
    settings_.decoder_channels = 4;
    settings_.epochs = 30;
    settings_.warmup_epochs = 0;
    settings_.batch_size = 4;
    settings_.lr = 1e-2;
    settings_.workers = 0;
    settings_.bootstrap_samples = 20;
    settings_.region = "ellipse";
  }

  static Archive built(const std::filesystem::path& folder) {
    build_archive(MaskedSource(24), folder, test_key(), small_build());
    return Archive::open(folder);
  }
  EncoderStart start() const { return read_encoder_start(folder_ / "encoder.safetensors", false, settings_, {}); }
  std::vector<PlannedModel> plan() const {
    return cross_validation(films_.films, given_folds(table_, films_.films, "fold"), {}, settings_);
  }
  static double dice_of(const SegmentationRun& run) {
    return run.results()["over_models"]["dice"]["mean"].get<double>();
  }

  TemporaryFolder folder_;
  Archive archive_;
  FilmTable table_;
  MaskedFilms films_;
  SegmentationSettings settings_;
};

TEST_F(SegmentationTest, LearnsAndTheBundleSaysTheSame) {
  settings_.decoder = "unet4";
  const EncoderStart from = start();
  SegmentationRun run(settings_, archive_, films_, from, plan(), folder_ / "run");
  const auto end = run.run(nullptr, {}, [] { return false; });
  ASSERT_EQ(end, SegmentationRun::End::kDone);
  EXPECT_GT(dice_of(run), 0.6);
  EXPECT_THAT(text_of(folder_ / "run" / "report.html"),
              AllOf(HasSubstr("Dice by model"), HasSubstr("data:image/png;base64"), HasSubstr("fold-1")));

  const Bundle bundle = Bundle::open(run.bundle());
  EXPECT_EQ(bundle.config().licence, "CC0");
  EXPECT_EQ(bundle.config().decoder->labels[0], "ellipse");
  EXPECT_EQ(bundle.config().preprocessing["fit"], "letterbox");
  EXPECT_TRUE(bundle.self_test());
  EXPECT_NEAR(bundle.config().evaluation["pooled"]["means"]["dice"]["value"].get<double>(),
              run.results()["models"][0]["dice"]["value"].get<double>(), 1e-12);
  EXPECT_NO_THROW(read_segmenter(bundle));

  int trained = 0;
  SegmentationListener listener;
  listener.epoch = [&](const PlannedModel&, const EpochRecord&) { ++trained; };
  SegmentationRun again(settings_, archive_, films_, from, plan(), folder_ / "run");
  again.run(nullptr, listener, [] { return false; });
  EXPECT_EQ(trained, 0) << "all models were there";
  EXPECT_EQ(again.results(), run.results());
  settings_.lr = 1e-4;
  EXPECT_THROW(SegmentationRun(settings_, archive_, films_, from, plan(), folder_ / "run"), Failure);
}

TEST_F(SegmentationTest, AFrozenEncoderStaysAsItIsAndTheDecoderLearns) {
  settings_.freeze_encoder = true;
  const EncoderStart from = letterboxed(start());
  const Split split = plan()[0].split;
  SegmentationTask task(settings_, from, archive_, films_, split, 0);
  task.model().train(false);
  const double before = task.validate().value;
  fit(task, settings_, 0, {}, [] { return false; });
  EXPECT_GT(task.validate().value, before + 0.1);
  for (const NamedTensor& entry : task.model().encoder().state())
    EXPECT_TRUE(at::equal(entry.tensor, from.weights.at(entry.name))) << entry.name;
}

TEST_F(SegmentationTest, DecodersTakeAStep) {
  for (const char* decoder : {"linear", "unet4"}) {
    settings_.decoder = decoder;
    const EncoderStart from = letterboxed(start());
    const Split split = plan()[0].split;
    SegmentationTask task(settings_, from, archive_, films_, split, 0);
    const at::Tensor loss = task.next_loss();
    loss.backward();
    EXPECT_TRUE(std::isfinite(loss.item<double>())) << decoder;
  }
}

}  // namespace
}  // namespace chexworld::test
