// SPDX-License-Identifier: Apache-2.0
//
// `chexworld probe` and `chexworld evaluate` as typed: from an archive of drawn films to a head and its report.
#include "base/config.h"
#include "base/file.h"
#include "image/prepare.h"
#include "support/process.h"
#include "support/temporary_folder.h"
#include "unit/infer/random_bundle.h"
#include "unit/trainer/drawn_films.h"

#include <gmock/gmock.h>

namespace chexworld::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// Bright films carry the label "bright", dark ones "dark"; two films to a patient, four folds of whole patients.
class BrightSource : public FilmSource {
 public:
  BrightSource() {
    for (int i = 0; i < 48; ++i)
      items_.push_back({"film-" + std::to_string(i),
                        "P" + std::to_string(i / 2),
                        {{"look", i % 2 == 0 ? "dark" : "bright"},
                         {"fold", std::to_string(i / 2 % 4)},
                         {"sex", i % 6 < 3 ? "F" : "M"}}});
  }
  const std::vector<SourceItem>& items() const override { return items_; }
  SourceFilm read(const SourceItem& item, const ArchiveSettings&) const override {
    SourceFilm film;
    const int number = std::stoi(item.place.substr(5));
    film.picture = drawn_film(std::uint64_t(number));
    if (number % 2 == 0)
      for (std::uint8_t& pixel : film.picture.pixels) pixel = std::uint8_t(pixel / 3);
    return film;
  }

 private:
  std::vector<SourceItem> items_;
};

class ProbeCommand : public testing::Test {
 protected:
  ProbeCommand() {
    build_archive(BrightSource(), folder_ / "films", test_key(), small_build());
    write_file_atomically(folder_ / "films.key", "a key for tests only\n");
    RandomBundle bundle(small_shape(), {}, 3);
    PreparationRecipe recipe;
    recipe.size = {int(small_shape().image_size), int(small_shape().image_size)};
    bundle.config.preprocessing = to_json(recipe);
    bundle.write(folder_ / "model.safetensors");
  }

  Finished typed(const char* command, const std::string& model, const std::vector<std::string>& more) const {
    std::vector<std::string> words{CHEXWORLD_PROGRAM, command, folder_ / "films", "--model", folder_ / model};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  }
  Json json(const std::string& name) const { return read_config_file(folder_ / name); }

  TemporaryFolder folder_;
};

TEST_F(ProbeCommand, FindsWhatFilmsShowAndMakesAHeadOfIt) {
  const Finished probed =
      typed("probe", "model.safetensors",
            {"--classes", "look=dark,bright", "--fold-column", "fold", "--few-shot", "1,5", "--by", "sex",
             "--bootstrap", "50", "-o", folder_ / "probe.json", "--save-head", folder_ / "head.safetensors"});
  ASSERT_EQ(probed.exit_status, 0) << probed.output;
  EXPECT_THAT(probed.output,
              AllOf(HasSubstr("48 films of 24 patients, 4 folds"), HasSubstr("linear, mean ± sd"),
                    HasSubstr("5 per class"), HasSubstr("sex=F (24 films)"), HasSubstr("calibration error")));
  const Json found = json("probe.json");
  EXPECT_GT(found["linear"]["auroc"]["mean"]["value"].get<double>(), 0.95);
  EXPECT_EQ(found["linear"]["auroc"]["folds"].size(), 4u);
  EXPECT_EQ(found["few_shot"]["1"]["auroc"].size(), 20u);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "films.features"));
  const Finished card = run({CHEXWORLD_PROGRAM, "model", "info", folder_ / "head.safetensors"});
  EXPECT_THAT(card.output, AllOf(HasSubstr("not for"), HasSubstr("near-constant"), HasSubstr("brightness 0.")));

  const Finished evaluated = typed("evaluate", "head.safetensors",
                                   {"--classes", "look=dark,bright", "-o", folder_ / "out", "--bootstrap", "50"});
  ASSERT_EQ(evaluated.exit_status, 0) << evaluated.output;
  EXPECT_THAT(evaluated.output, HasSubstr("24/24"));
  const Json evaluation = json("out/evaluation.json");
  EXPECT_EQ(evaluation["findings"][0]["name"], "bright");
  EXPECT_GT(evaluation["means"]["auroc"]["value"].get<double>(), 0.95);
  EXPECT_EQ(evaluation["subgroups"][0]["column"], "sex");
  EXPECT_THAT(text_of(folder_ / "out/report.html"), AllOf(HasSubstr("<svg"), HasSubstr("ROC"), HasSubstr("By sex")));
}

TEST_F(ProbeCommand, TheSecondTimeNothingIsEncoded) {
  const std::vector<std::string> words{"--classes", "look=dark,bright", "--draw-folds", "3", "--bootstrap", "10",
                                       "--json"};
  const Finished first = typed("probe", "model.safetensors", words);
  ASSERT_EQ(first.exit_status, 0) << first.output;
  const Finished again = typed("probe", "model.safetensors", words);
  EXPECT_EQ(again.exit_status, 0);
  EXPECT_THAT(first.output, HasSubstr("48 films"));
  EXPECT_THAT(again.output, Not(HasSubstr("48 films")));  // no progress over films
}

TEST_F(ProbeCommand, LabelsMayComeFromATable) {
  std::string table = "path,bright\n";
  for (int i = 0; i < 48; ++i) table += "film-" + std::to_string(i) + (i % 2 == 1 ? ",present\n" : ",absent\n");
  write_file_atomically(folder_ / "labels.csv", table);
  const Finished probed =
      typed("probe", "model.safetensors", {"--labels", folder_ / "labels.csv", "--bootstrap", "10"});
  ASSERT_EQ(probed.exit_status, 0) << probed.output;
  EXPECT_THAT(probed.output, HasSubstr("48 films"));
  write_file_atomically(folder_ / "labels.csv", table + "P0^JANE.dcm,1\n");
  const Finished unknown = typed("probe", "model.safetensors", {"--labels", folder_ / "labels.csv"});
  EXPECT_EQ(unknown.exit_status, 2);
  EXPECT_THAT(unknown.output,
              AllOf(HasSubstr("1 of 49 rows name no film of the archive (line 50)"), Not(HasSubstr("JANE"))));
}

TEST_F(ProbeCommand, WhatIsWrongIsSaidAtOnce) {
  const auto complaint = [&](const char* command, const std::vector<std::string>& words) {
    const Finished finished = typed(command, "model.safetensors", words);
    EXPECT_EQ(finished.exit_status, 2) << finished.output;
    return finished.output;
  };
  EXPECT_THAT(complaint("probe", {}), HasSubstr("--classes"));
  EXPECT_THAT(complaint("probe", {"--classes", "look=dark,grey"}), HasSubstr("the class 'grey'"));
  EXPECT_THAT(complaint("probe", {"--classes", "look=dark,bright", "--fold-column", "sex"}),
              HasSubstr("patients are on several sides"));
  EXPECT_THAT(complaint("probe", {"--classes", "look=dark,bright", "--features", "grid:9"}), HasSubstr("grid:9"));
  EXPECT_THAT(
      complaint("probe", {"--classes", "look=dark,bright", "--features", "grid:2", "--save-head", folder_ / "h"}),
      HasSubstr("mean"));
  EXPECT_THAT(complaint("evaluate", {"--classes", "look=dark,bright"}), HasSubstr("has no head"));
}

}  // namespace
}  // namespace chexworld::test
