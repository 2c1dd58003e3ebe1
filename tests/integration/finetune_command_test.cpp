// SPDX-License-Identifier: Apache-2.0
//
// `chexworld finetune`, and what becomes of its bundle: `model info`, `model export --card`, `explain`.
#include "base/config.h"
#include "base/file.h"
#include "image/png.h"
#include "support/process.h"
#include "support/temporary_folder.h"
#include "unit/infer/random_bundle.h"
#include "unit/trainer/drawn_films.h"

#include <cmath>
#include <csignal>
#include <gmock/gmock.h>

namespace chexworld::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// Drawn films, two to a patient, whose folds keep patients together.
DrawnSource folded_films(int count) {
  std::vector<SourceItem> items;
  for (int i = 0; i < count; ++i)
    items.push_back(
        {"film-" + std::to_string(i),
         "P" + std::to_string(i / 2),
         {{"label", i % 3 == 0 ? "b" : "a"}, {"fold", std::to_string(i / 6 % 2)}, {"sex", i % 4 < 2 ? "F" : "M"}}});
  return DrawnSource(std::move(items));
}

class FinetuneCommand : public testing::Test {
 protected:
  void SetUp() override {
    build_archive(folded_films(36), folder_ / "films", test_key(), small_build());
    const EncoderShape shape = small_shape();
    RandomBundle encoder(shape, {.linear = 0.05F}, 5);
    encoder.config.preprocessing = {{"resize", shape.image_size + 4}, {"crop", shape.image_size}};
    encoder.write(folder_ / "encoder.safetensors");
  }

  std::vector<std::string> command(const std::string& run, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{
        CHEXWORLD_PROGRAM, "finetune", folder_ / "films", "--model", folder_ / "encoder.safetensors", "-o",
        folder_ / run};
    for (const char* word :
         {"--epochs", "2", "--warmup-epochs", "0", "--batch-size", "8", "--threads", "1", "--bootstrap-samples", "20"})
      words.emplace_back(word);
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  TemporaryFolder folder_;
};

TEST_F(FinetuneCommand, CrossValidatesAndEndsWithABundle) {
  const std::vector<std::string> labels{"--classes", "label=a,b", "--fold-column", "fold"};
  const Finished finished = run(command("run", labels));
  ASSERT_EQ(finished.exit_status, 0) << finished.output;
  EXPECT_THAT(finished.output, AllOf(HasSubstr("fold-0: AUROC"), HasSubstr("fold-1: AUROC"), HasSubstr("model id"),
                                     HasSubstr("calibration")));
  const Json results = read_config_file(folder_ / "run" / "results.json");
  EXPECT_EQ(results["models"].size(), 2u);
  EXPECT_EQ(results["pooled"]["films"], 36);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "run" / "fold-1" / "model.safetensors"));
  EXPECT_THAT(text_of(folder_ / "run" / "report.html"),
              AllOf(HasSubstr("ROC (area)"), HasSubstr("Reliability"), HasSubstr("<th>fold-1</th>"),
                    HasSubstr("Validation AUROC by epoch"), HasSubstr("By sex"), HasSubstr("before")));

  const Finished again = run(command("run", labels));
  EXPECT_EQ(again.exit_status, 0) << again.output;
  EXPECT_THAT(again.output, HasSubstr("was there already"));
  EXPECT_EQ(read_config_file(folder_ / "run" / "results.json")["models"][0]["auroc"], results["models"][0]["auroc"]);

  const std::string bundle = folder_ / "run" / "model.safetensors";
  const Finished info = run({CHEXWORLD_PROGRAM, "model", "info", bundle});
  EXPECT_THAT(info.output, AllOf(HasSubstr("b, threshold"), HasSubstr("AUROC"), HasSubstr("views")));
  const Finished card = run({CHEXWORLD_PROGRAM, "model", "export", bundle, "--card", folder_ / "card.md"});
  ASSERT_EQ(card.exit_status, 0) << card.output;
  EXPECT_THAT(text_of(folder_ / "card.md"),
              AllOf(HasSubstr("## Intended use"), HasSubstr("## Metrics"), HasSubstr("| AUROC |"),
                    HasSubstr("## Subgroups"), HasSubstr("Not for diagnosis"), HasSubstr("## Licence")));

  const std::vector<std::byte> film = encode_png(drawn_film(3));
  write_file_atomically(folder_ / "film.png", [&](FileWriter& writer) { writer.write(film); });
  const Finished explained = run({CHEXWORLD_PROGRAM, "explain", folder_ / "film.png", "--model", bundle, "--finding",
                                  "b", "-o", folder_ / "why.png", "--precision", "f32", "--json"});
  ASSERT_EQ(explained.exit_status, 0) << explained.output;
  const Json map = Json::parse(explained.output.substr(explained.output.find('{')));
  double sum = 0;
  for (const Json& value : map["grid"]["data"]) sum += value.get<double>();
  EXPECT_NEAR(sum, map["logit"].get<double>(), 1e-4);
  EXPECT_EQ(read_picture(folder_ / "why.png").height, 96);
  EXPECT_EQ(run({CHEXWORLD_PROGRAM, "explain", folder_ / "film.png", "--model", bundle, "--finding", "c", "-o",
                 folder_ / "x.png"})
                .exit_status,
            1);
}

TEST_F(FinetuneCommand, FromScratchIsTheSameRecipeWithOtherWeights) {
  const std::vector<std::string> labels{"--classes", "label=a,b", "--fold-column", "fold",  "--folds",
                                        "0",         "--refit",   "false",         "--json"};
  std::vector<std::string> scratch = labels;
  scratch.emplace_back("--from-scratch");
  const Finished a = run(command("a", labels)), b = run(command("b", scratch));
  ASSERT_EQ(a.exit_status, 0) << a.output;
  ASSERT_EQ(b.exit_status, 0) << b.output;
  EXPECT_NE(read_config_file(folder_ / "a" / "fold-0" / "scores.json")["test"]["logits"],
            read_config_file(folder_ / "b" / "fold-0" / "scores.json")["test"]["logits"]);
  EXPECT_EQ(read_config_file(folder_ / "b" / "config.json")["from_scratch"], true);
}

TEST_F(FinetuneCommand, SaysWhatIsWrong) {
  const auto output = [&](const std::vector<std::string>& more, int status) {
    const Finished finished = run(command("x", more));
    EXPECT_EQ(finished.exit_status, status) << finished.output;
    return finished.output;
  };
  EXPECT_THAT(output({}, 2), HasSubstr("--classes"));
  EXPECT_THAT(output({"--classes", "label=a,c"}, 2), HasSubstr("'c'"));
  EXPECT_THAT(output({"--classes", "label=a,b", "--head", "linear"}, 2), HasSubstr("norm_fc"));
  EXPECT_THAT(output({"--classes", "label=a,b", "--fold-column", "fold", "--folds", "7"}, 2), HasSubstr("'7'"));
  EXPECT_THAT(output({"--classes", "label=a,b", "--labels", folder_ / "absent.csv"}, 1), HasSubstr("absent.csv"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "x" / "model.safetensors"));
}

TEST_F(FinetuneCommand, ASignalStopsItCleanlyAndTheSameCommandGoesOn) {
  const std::vector<std::string> labels{"--classes", "label=a,b", "--fold-column", "fold", "--epochs", "40"};
  const std::filesystem::path log = folder_ / "log";
  BackgroundProcess process(command("run", labels), log);
  ASSERT_TRUE(wait_until([&] { return std::filesystem::exists(folder_ / "run" / "fold-0" / "metrics.jsonl"); },
                         std::chrono::seconds(60)));
  EXPECT_EQ(process.stop(SIGINT), 1);
  EXPECT_THAT(text_of(log), HasSubstr("the same command goes on"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "run" / "model.safetensors"));
}

}  // namespace
}  // namespace chexworld::test
