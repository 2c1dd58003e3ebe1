// SPDX-License-Identifier: Apache-2.0
#include "trainer/run/pretraining.h"

#include "base/failure.h"
#include "bundle/bundle.h"
#include "support/temporary_folder.h"
#include "trainer/evaluation/metrics.h"
#include "trainer/report/html.h"
#include "trainer/run/export.h"
#include "trainer/run/run_folder.h"
#include "unit/trainer/drawn_films.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <chexworld/model.h>
#include <csignal>
#include <cstring>
#include <gmock/gmock.h>
#include <sys/resource.h>

namespace chexworld::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// Small enough for a few updates a second.
PretrainConfig small_config() {
  PretrainConfig config;
  apply_settings(config,
                 {{"arch", "custom"},
                  {"image_size", 32},
                  {"patch_size", 4},
                  {"width", 24},
                  {"depth", 2},
                  {"heads", 2},
                  {"pred_width", 16},
                  {"pred_depth", 1},
                  {"batch_size", 4},
                  {"epochs", 3},
                  {"warmup_epochs", 1},
                  {"mask_min_keep", 2},
                  {"workers", 1},
                  {"log_every", 1},
                  {"health_every", 0},
                  {"save_every", 1000},
                  {"threads", 1},
                  {"lr", 1e-3}},
                 "test");
  return config;
}

std::map<std::string, std::string> tensors_in(const fs::path& path) {
  const SafetensorsFile file = SafetensorsFile::open(path);
  std::map<std::string, std::string> tensors;
  for (const auto& [name, view] : file.tensors())
    tensors[name] = {reinterpret_cast<const char*>(view.bytes.data()), view.bytes.size()};
  return tensors;
}

struct Recorder : RunListener {
  std::vector<UpdateRecord> records;
  std::vector<std::int64_t> saved;
  std::vector<double> values;  // what on_health answers, one after the other
  void on_record(const UpdateRecord& record) override { records.push_back(record); }
  void on_saved(const fs::path&, std::int64_t update) override { saved.push_back(update); }
  std::optional<double> on_health(const WorldModel&, std::int64_t) override {
    if (values.empty()) return {};
    const double value = values.front();
    values.erase(values.begin());
    return value;
  }
};

class PretrainingTest : public testing::Test {
 protected:
  Pretraining::End train(Pretraining& run, const std::string& name, std::int64_t stop_after = -1) {
    return run.run(folder_.path() / name, recorder_,
                   [&run, stop_after] { return run.progress().updates == stop_after; });
  }
  fs::path checkpoint(const std::string& name, std::int64_t update) const {
    return CheckpointFolder(folder_.path() / name, 1).path_of(update);
  }

  const TemporaryFolder folder_;
  const Archive archive_ = drawn_archive(folder_ / "archive", 18);
  Recorder recorder_;
};

TEST_F(PretrainingTest, ResumesBitForBit) {
  Pretraining whole(small_config(), archive_, all_films(archive_));
  EXPECT_EQ(train(whole, "whole"), Pretraining::End::kDone);
  const std::vector<UpdateRecord> uninterrupted = std::exchange(recorder_.records, {});
  ASSERT_EQ(uninterrupted.size(), 12u);

  Pretraining first(small_config(), archive_, all_films(archive_));
  EXPECT_EQ(train(first, "parts", 5), Pretraining::End::kStopped);
  PretrainConfig other_workers = small_config();
  other_workers.workers = 0;
  Pretraining second(other_workers, archive_, all_films(archive_));
  second.resume_from(checkpoint("parts", 5));
  EXPECT_EQ(train(second, "parts"), Pretraining::End::kDone);

  EXPECT_EQ(tensors_in(checkpoint("parts", 12)), tensors_in(checkpoint("whole", 12)));
  ASSERT_EQ(recorder_.records.size(), 12u);
  for (std::size_t i = 0; i < 12; ++i) {
    EXPECT_EQ(recorder_.records[i].loss, uninterrupted[i].loss) << i;
    EXPECT_EQ(recorder_.records[i].learning_rate, uninterrupted[i].learning_rate) << i;
  }
}

TEST_F(PretrainingTest, TheLossFalls) {
  PretrainConfig config = small_config();
  config.epochs = 12;
  Pretraining run(config, archive_, all_films(archive_));
  train(run, "run");
  const auto mean = [&](std::size_t begin) {
    double sum = 0;
    for (std::size_t i = begin; i < begin + 8; ++i) sum += recorder_.records[i].loss;
    return sum / 8;
  };
  EXPECT_LT(mean(recorder_.records.size() - 8), 0.9 * mean(0));
}

TEST_F(PretrainingTest, TrainsTheIjepaObjectiveToo) {
  PretrainConfig config = small_config();
  apply_settings(config, {{"objective", "ijepa"}, {"loss", "smooth_l1"}}, "test");
  Pretraining run(config, archive_, all_films(archive_));
  EXPECT_EQ(train(run, "run"), Pretraining::End::kDone);
  ASSERT_EQ(recorder_.records.size(), 12u);
  EXPECT_LT(recorder_.records.back().loss, recorder_.records.front().loss);
  EXPECT_EQ(run.progress().skipped, 0);
}

TEST_F(PretrainingTest, RefusesToGoOnWithOtherSettingsOrFilms) {
  Pretraining run(small_config(), archive_, all_films(archive_));
  train(run, "run", 2);
  PretrainConfig other = small_config();
  other.lr = 2e-3;
  Pretraining other_run(other, archive_, all_films(archive_));
  try {
    other_run.resume_from(checkpoint("run", 2));
    ADD_FAILURE();
  } catch (const Failure& failure) {
    EXPECT_THAT(failure.error().message(), HasSubstr("(lr)"));
  }
  Pretraining fewer(small_config(), archive_, archive_.where("label", {"a"}));
  EXPECT_THROW(fewer.resume_from(checkpoint("run", 2)), Failure);
}

TEST_F(PretrainingTest, StopsWithADiagnosisWhereNothingIsFinite) {
  PretrainConfig config = small_config();
  config.lr = config.start_lr = 1e30;
  config.max_nonfinite = 2;
  Pretraining run(config, archive_, all_films(archive_));
  try {
    train(run, "run");
    ADD_FAILURE();
  } catch (const Failure& failure) {
    EXPECT_THAT(failure.error().message(), HasSubstr("not finite 2 times in a row"));
    EXPECT_THAT(failure.error().message(), HasSubstr("--lr"));
  }
  EXPECT_GE(run.progress().skipped, 2);
}

TEST_F(PretrainingTest, KeepsTheLastAndTheBestCheckpoint) {
  PretrainConfig config = small_config();
  config.save_every = config.health_every = 3;
  config.keep = 2;
  recorder_.values = {0.5, 0.9, 0.7, 0.6};
  Pretraining run(config, archive_, all_films(archive_));
  train(run, "run");
  EXPECT_FALSE(fs::exists(checkpoint("run", 3)));
  EXPECT_FALSE(fs::exists(checkpoint("run", 6)));
  EXPECT_TRUE(fs::exists(checkpoint("run", 9)));
  EXPECT_TRUE(fs::exists(checkpoint("run", 12)));
  const CheckpointFolder folder(folder_ / "run", 2);
  EXPECT_EQ(read_checkpoint_header(folder.best()).progress.updates, 6);
  EXPECT_EQ(folder.newest(), checkpoint("run", 12));
}

/// Files of this process cannot grow beyond `bytes` while it lives: what a full disk looks like to a program.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

TEST_F(PretrainingTest, AFullDiskLeavesTheLastCheckpointAndSaysWhatToDo) {
  Pretraining run(small_config(), archive_, all_films(archive_));
  train(run, "run", 2);
  const std::map<std::string, std::string> before = tensors_in(checkpoint("run", 2));
  std::string message;
  {
    const FullDisk full(20'000);
    try {
      train(run, "run", 4);
    } catch (const Failure& failure) {
      message = failure.error().message();
    }
  }
  EXPECT_THAT(message, HasSubstr("free room in"));
  EXPECT_THAT(message, HasSubstr("MB"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_ / "run"), fs::directory_iterator()), 1);
  EXPECT_EQ(tensors_in(checkpoint("run", 2)), before);
}

TEST_F(PretrainingTest, TheBundleIsTheTargetEncoderAndPassesItsSelfTest) {
  Pretraining run(small_config(), archive_, all_films(archive_));
  train(run, "run", 3);
  const fs::path path = folder_ / "encoder.safetensors";
  const std::string id = export_target_encoder(run.model(), path, archive_.settings().trim, {{"updates", 3}});
  EXPECT_EQ(inspect_bundle(path).value().model_id, id);
  const Bundle bundle = Bundle::open(path);
  const auto test = bundle.self_test();
  ASSERT_TRUE(test.has_value());
  const auto floats = [](const TensorView& view) {
    std::vector<float> values(view.bytes.size() / sizeof(float));
    std::memcpy(values.data(), view.bytes.data(), view.bytes.size());
    return values;
  };
  const std::vector<float> found = Model::load(path).value().embed(floats(test->input), 1, 32).value();
  const std::vector<float> expected = floats(test->embedding);
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-5);
}

TEST_F(PretrainingTest, ARunFolderHoldsMetricsEventsAndAReport) {
  PretrainConfig config = small_config();
  config.health_every = 4;
  config.save_every = 6;
  Pretraining run(config, archive_, all_films(archive_));
  const ProbeTask task = probe_task(archive_, "label", "b", "a", "fold");
  RunFolder folder(folder_ / "out", run, archive_, all_films(archive_), ProbeStudies{&archive_, task});
  run.run(CheckpointFolder::of_run(folder_ / "out"), folder, [] { return false; });
  folder.finish(folder_ / "out/encoder.safetensors");
  const MetricsFile metrics(folder_ / "out/metrics.jsonl", 1000);
  EXPECT_EQ(line_of(metrics.records(), "loss").y.size(), 12u);
  EXPECT_EQ(line_of(metrics.records(), "effective_rank").y.size(), 3u);
  EXPECT_EQ(line_of(metrics.records(), "probe_linear").y.size(), 3u);
  EXPECT_TRUE(fs::exists(folder_ / "out/report.html"));
  EXPECT_TRUE(fs::exists(CheckpointFolder(folder_ / "out/checkpoints", 1).best()));
}

TEST(PretrainConfigTest, ReadsWhatItWritesAndRefusesTheRest) {
  PretrainConfig config = small_config(), again;
  apply_settings(again, to_json(config), "again");
  EXPECT_EQ(to_json(again), to_json(config));
  for (const auto& [bad, message] :
       std::vector<std::pair<Json, std::string>>{{{{"bach_size", 3}}, "did you mean 'batch_size'"},
                                                 {{{"batch_size", 0}}, "from 1"},
                                                 {{{"mask_pred_scale", {0.1}}}, "2 numbers"},
                                                 {{{"ema", 1.5}}, "from 0 to 1"}}) {
    try {
      apply_settings(again, bad, "t.toml");
      ADD_FAILURE() << bad;
    } catch (const Failure& failure) {
      EXPECT_THAT(failure.error().message(), HasSubstr(message));
    }
  }
}

TEST(PretrainConfigTest, EveryPresetIsPossible) {
  for (const std::string& name : preset_names()) {
    PretrainConfig config;
    apply_settings(config, preset_settings(name), name);
    EXPECT_NO_THROW(check(config)) << name;
  }
  EXPECT_THROW(preset_settings("vit"), Failure);
  PretrainConfig paper;
  apply_settings(paper, preset_settings("chexworld-vit-b16"), "paper");
  EXPECT_EQ(paper.batch_size * paper.accum_steps, 2048);
}

TEST(Probe, FindsWhatIsThereAndNothingInNoise) {
  at::Generator generator = at::detail::createCPUGenerator(3);
  const at::Tensor noise = at::randn({200, 8}, generator, at::kFloat);
  ProbeTask task{{.findings = {"b"}}, {{"0", "1", "2", "3"}, {}}};
  at::Tensor told = noise.clone();
  for (int i = 0; i < 200; ++i) {
    task.labels.films.push_back(i);
    task.labels.patients.push_back(std::to_string(i));
    task.labels.values.push_back(i % 2 == 1 ? LabelValue::kPositive : LabelValue::kNegative);
    task.folds.of.push_back(i / 2 % 4);
    told[i][3] += i % 2 * 2.0;
  }
  const ProbeResult found = probe(told, task), nothing = probe(noise, task);
  EXPECT_GT(mean_of(found.linear), 0.85);
  EXPECT_GT(mean_of(found.neighbours), 0.7);
  EXPECT_NEAR(mean_of(nothing.linear), 0.5, 0.15);
  EXPECT_EQ(found.linear.size(), 4u);
}

TEST(FeatureHealth, SeesCollapse) {
  at::Generator generator = at::detail::createCPUGenerator(3);
  const at::Tensor features = at::randn({64, 16}, generator, at::kFloat);
  const FeatureHealth well = feature_health(features);
  EXPECT_NEAR(well.deviation, 1, 0.1);
  EXPECT_GT(well.effective_rank, 12);
  const FeatureHealth flat = feature_health(features.slice(0, 0, 1).expand({64, 16}) + 1e-4 * features);
  EXPECT_LT(flat.deviation, 0.01);
  EXPECT_NE(collapse_warning(flat, well), "");
  const FeatureHealth line = feature_health(features.slice(1, 0, 1) * features.slice(0, 0, 1));
  EXPECT_LT(line.effective_rank, 1.1);
  EXPECT_NE(collapse_warning(line, well), "");
  EXPECT_EQ(collapse_warning(well, well), "");
}

}  // namespace
}  // namespace chexworld::test
