// SPDX-License-Identifier: Apache-2.0
//
// Classifiers that learn drawn films, and the bundles that come of it.
#include "base/failure.h"
#include "bundle/bundle.h"
#include "support/temporary_folder.h"
#include "trainer/finetune/classifier_task.h"
#include "trainer/finetune/finetune_run.h"
#include "unit/infer/random_bundle.h"
#include "unit/trainer/drawn_films.h"

#include <ATen/Parallel.h>
#include <chexworld/engine.h>
#include <cmath>
#include <gmock/gmock.h>

namespace chexworld::test {
namespace {

using testing::HasSubstr;

/// Films of two kinds that differ in brightness; two films to a patient.
class TwoKinds : public FilmSource {
 public:
  explicit TwoKinds(int count) {
    for (int i = 0; i < count; ++i)
      items_.push_back({"film-" + std::to_string(i),
                        "P" + std::to_string(i / 2),
                        {{"label", i % 4 < 2 ? "dark" : "bright"}, {"view", i % 3 == 0 ? "AP" : "PA"}}});
  }
  const std::vector<SourceItem>& items() const override { return items_; }
  SourceFilm read(const SourceItem& item, const ArchiveSettings&) const override {
    const std::uint64_t number = std::stoull(item.place.substr(5));
    SourceFilm film;
    film.picture = drawn_film(number);
    for (std::uint8_t& pixel : film.picture.pixels)
      pixel = std::uint8_t(number % 4 < 2 ? pixel / 2 : std::min(255, pixel + 60));
    return film;
  }

 private:
  std::vector<SourceItem> items_;
};

class FinetuneTest : public testing::Test {
 protected:
  FinetuneTest() : archive_(built(folder_ / "archive")), table_(archive_) {
    at::set_num_threads(1);
    EncoderShape shape = small_shape();
    RandomBundle bundle(shape, {.linear = 0.05F}, 3);
    bundle.config.preprocessing = {{"resize", shape.image_size + 4}, {"crop", shape.image_size}};
    bundle.config.licence = "CC0";
    bundle.write(folder_ / "encoder.safetensors");
    config_.epochs = 3;
    config_.warmup_epochs = 0;
    config_.batch_size = 8;
    config_.lr = 3e-3;
    config_.jitter_prob = 0;
    config_.workers = 0;
    config_.bootstrap_samples = 20;
  }

  static Archive built(const std::filesystem::path& folder) {
    build_archive(TwoKinds(48), folder, test_key(), small_build());
    return Archive::open(folder);
  }
  EncoderStart start(bool from_scratch = false) const {
    return read_encoder_start(folder_ / "encoder.safetensors", from_scratch, config_, {});
  }
  LabelledFilms labels(const std::string& classes = "label=dark,bright") const {
    return read_labels(table_, table_.films(), class_columns_from(classes));
  }

  TemporaryFolder folder_;
  Archive archive_;
  FilmTable table_;
  FinetuneConfig config_;
};

class FinetuneHeads : public FinetuneTest, public testing::WithParamInterface<const char*> {};

TEST_P(FinetuneHeads, LearnAndTheBundleComputesTheSame) {
  config_.head = GetParam();
  const EncoderStart from = start();
  const FinetuneData data{archive_, table_, labels(), {"view"}};
  const std::vector<PlannedModel> plan = drawn_split(data.labels, config_);
  FinetuneRun run(config_, data, from, plan, folder_ / "run");
  int epochs = 0;
  FinetuneListener listener;
  listener.epoch = [&](const PlannedModel&, const EpochRecord&) { ++epochs; };
  ASSERT_EQ(run.run(nullptr, listener, [] { return false; }), FinetuneRun::End::kDone);
  EXPECT_EQ(epochs, 3);
  EXPECT_GT(spread_of(run.models(), "auroc").mean, 0.95);

  const BundleInfo info = inspect_bundle(run.bundle()).value();
  EXPECT_EQ(info.model_id, run.model_id());
  EXPECT_EQ(info.licence, "CC0");
  EXPECT_EQ(info.head->labels[0].name, "bright");
  ASSERT_TRUE(info.domain);
  EXPECT_THAT(info.config_json, HasSubstr("\"auroc\""));
  // The engine passes the self-test and gives the logits that training had.
  const Engine engine = Engine::load(run.bundle(), {.precision = Precision::kF32, .threads = 1}).value();
  EXPECT_TRUE(engine.facts().self_test_passed);
  const RowScores& test = run.models()[0].scores.test;
  for (std::size_t i = 0; i < test.rows.size(); ++i) {
    const std::vector<float> image = prepare(archive_.film(data.labels.films[test.rows[i]]), from.recipe);
    std::vector<float> logit(1);
    engine.run(image, 1, {.logits = logit}).value();
    EXPECT_NEAR(logit[0], test.logits[i], 1e-3 + 1e-3 * std::abs(test.logits[i]));
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, FinetuneHeads, testing::Values("fc", "norm_fc", "attn", "mlp"));

TEST_F(FinetuneTest, ARunIsRepeatableAndGoesOnWhereItWasInterrupted) {
  config_.drop_path = 0.2;
  const EncoderStart from = start();
  const FinetuneData data{archive_, table_, labels(), {}};
  const std::vector<PlannedModel> plan = cross_validation(data.labels, draw_folds(data.labels, 2, 1), {}, config_);
  FinetuneRun whole(config_, data, from, plan, folder_ / "whole");
  ASSERT_EQ(whole.run(nullptr, {}, [] { return false; }), FinetuneRun::End::kDone);

  int updates = 0;
  FinetuneRun broken(config_, data, from, plan, folder_ / "broken");
  EXPECT_EQ(broken.run(nullptr, {}, [&] { return ++updates > 10; }), FinetuneRun::End::kStopped)
      << "in the second fold";
  int trained = 0;
  FinetuneListener listener;
  listener.epoch = [&](const PlannedModel& planned, const EpochRecord&) {
    trained += planned.name == "fold-0" ? 1 : 0;
  };
  FinetuneRun resumed(config_, data, from, plan, folder_ / "broken");
  ASSERT_EQ(resumed.run(nullptr, listener, [] { return false; }), FinetuneRun::End::kDone);
  EXPECT_EQ(trained, 0) << "the first fold was done";
  for (std::size_t i = 0; i < 2; ++i)
    EXPECT_EQ(resumed.models()[i].scores.test.logits, whole.models()[i].scores.test.logits);

  config_.lr = 1e-4;
  const auto other = capture([&] { FinetuneRun(config_, data, from, plan, folder_ / "whole"); });
  ASSERT_FALSE(other.ok());
  EXPECT_THAT(other.error().message(), HasSubstr("other settings"));
}

TEST_F(FinetuneTest, AFrozenEncoderStaysAsItIs) {
  config_.freeze_encoder = true;
  const EncoderStart from = start();
  const LabelledFilms all = labels();
  const Split split = drawn_split(all, config_)[0].split;
  ClassifierTask task(config_, from, archive_, all, split, 0);
  fit(task, config_, 0, {}, [] { return false; });
  for (const NamedTensor& entry : task.model().encoder().state())
    EXPECT_TRUE(at::equal(entry.tensor, from.weights.at(entry.name))) << entry.name;
}

TEST_F(FinetuneTest, FromScratchTakesOnlyTheShape) {
  const EncoderStart fresh = start(true);
  EXPECT_TRUE(fresh.from_scratch());
  EXPECT_EQ(fresh.encoder, start().encoder);
  EXPECT_EQ(fresh.licence, "");
  config_.image_size = 48;
  EXPECT_EQ(start().encoder.image_size, 48);
  EXPECT_EQ(start().recipe.side(), 48);
  EXPECT_EQ(start().weights.at("pos_embed").size(1), start().encoder.patches());
  config_.image_size = 50;
  EXPECT_THROW(start(), Failure);
}

TEST_F(FinetuneTest, MissingLabelsTeachNothing) {
  LabelledFilms all = labels();
  const Split split = drawn_split(all, config_)[0].split;
  const EncoderStart from = start();
  const auto loss_with = [&](const LabelledFilms& some) {
    ClassifierTask task(config_, from, archive_, some, split, 0);
    const at::Tensor loss = task.next_loss();
    loss.backward();
    return std::pair(loss.item<double>(), task.model().parameters().back().tensor.grad().abs().sum().item<double>());
  };
  EXPECT_GT(loss_with(all).first, 0.1);
  for (const std::size_t row : split.train) all.values[row] = LabelValue::kMissing;
  EXPECT_EQ(loss_with(all).first, 0);
  EXPECT_EQ(loss_with(all).second, 0);
}

}  // namespace
}  // namespace chexworld::test
