// SPDX-License-Identifier: Apache-2.0
//
// `chexworld finetune --task segmentation` and `chexworld segment` on phantoms, whose lungs are known.
#include "base/config.h"
#include "base/file.h"
#include "image/png.h"
#include "image/region_mask.h"
#include "support/process.h"
#include "support/temporary_folder.h"

#include <gmock/gmock.h>

namespace chexworld::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

namespace fs = std::filesystem;

Finished chexworld(std::vector<std::string> words) {
  words.insert(words.begin(), CHEXWORLD_PROGRAM);
  return run(words);
}

/// Phantoms, an archive of them and an untrained encoder, made once.
class SegmentationCommand : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TemporaryFolder>();
    made_ = {chexworld({"phantom", "-n", "30", "-o", at("films"), "--lung-masks", at("lungs"), "--size", "256",
                        "--findings", "none", "--threads", "2"}),
             chexworld({"archive", "build", at("films"), "--csv", at("films/truth.csv"), "--patient-column", "patient",
                        "--columns", "fold,view", "--short-side", "96", "-o", at("archive")}),
             chexworld({"model", "create", "--preset", "tiny-cpu", "-o", at("encoder.safetensors")})};
  }
  static void TearDownTestSuite() { folder_.reset(); }
  void SetUp() override {
    for (const Finished& one : made_) ASSERT_EQ(one.exit_status, 0) << one.output;
  }

  static std::string at(const std::string& name) { return (*folder_ / name).string(); }
  static std::vector<std::string> command(const std::string& name, const std::vector<std::string>& more = {}) {
    std::vector<std::string> words{"finetune", at("archive"), "--task", "segmentation", "-m", at("encoder.safetensors"),
                                   "-o",       at(name)};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  static std::vector<std::string> settings(const std::vector<std::pair<std::string, std::string>>& values) {
    std::vector<std::string> words;
    for (const auto& [key, value] : values) words.insert(words.end(), {"--" + key, value});
    return words;
  }

  static inline std::unique_ptr<TemporaryFolder> folder_;
  static inline std::vector<Finished> made_;
};

TEST_F(SegmentationCommand, LearnsTheLungsAndOutlinesThem) {
  const Finished tuned = chexworld(command("run", settings({{"masks", at("lungs")},
                                                            {"region", "lungs"},
                                                            {"fold-column", "fold"},
                                                            {"folds", "0"},
                                                            {"epochs", "20"},
                                                            {"warmup-epochs", "1"},
                                                            {"batch-size", "6"},
                                                            {"lr", "3e-3"},
                                                            {"decoder-channels", "8"},
                                                            {"image-size", "64"},
                                                            {"threads", "1"},
                                                            {"bootstrap-samples", "50"},
                                                            {"refit", "false"}})));
  ASSERT_EQ(tuned.exit_status, 0) << tuned.output;
  EXPECT_THAT(tuned.output, AllOf(HasSubstr("fold-0: Dice"), HasSubstr("model id"), Not(HasSubstr("SYN0"))));
  const Json results = read_config_file(*folder_ / "run" / "results.json");
  // A film's every pixel taken for lung has a Dice of about 0.5.
  EXPECT_GT(results["pooled"]["means"]["dice"]["value"].get<double>(), 0.75) << results.dump(1);
  EXPECT_THAT(text_of(*folder_ / "run" / "report.html"), AllOf(HasSubstr("image/png"), HasSubstr("Validation Dice")));

  const std::string bundle = at("run/model.safetensors");
  EXPECT_THAT(chexworld({"model", "info", bundle}).output, AllOf(HasSubstr("unet for lungs"), HasSubstr("Dice")));
  const Finished outlined =
      chexworld({"segment", at("films/film-00001.dcm"), "-m", bundle, "-o", at("outlines"), "--json"});
  ASSERT_EQ(outlined.exit_status, 0) << outlined.output;
  const Json film = Json::parse(outlined.output.substr(outlined.output.find('{')))["films"][0];
  const GrayImage mask = read_picture(film["mask"].get<std::string>());
  const GrayImage truth = read_picture(at("lungs/film-00001.png"));
  ASSERT_EQ(mask.height, truth.height) << "as large as the film";
  EXPECT_GT(overlap(mask, truth).dice, 0.7);
  EXPECT_TRUE(fs::exists(film["overlay"].get<std::string>()));
}

TEST_F(SegmentationCommand, SaysWhatIsWrong) {
  const auto output = [&](const std::vector<std::string>& more, int status) {
    const Finished finished = chexworld(command("x", more));
    EXPECT_EQ(finished.exit_status, status) << finished.output;
    return finished.output;
  };
  EXPECT_THAT(output({}, 2), HasSubstr("needs --masks"));
  EXPECT_THAT(output({"--masks", at("nowhere")}, 1), HasSubstr("nowhere"));
  EXPECT_THAT(output({"--masks", at("lungs"), "--film-folder", "films"}, 2),
              HasSubstr("30 of 30 masks belong to no film"));
  EXPECT_THAT(output({"--masks", at("lungs"), "--head", "attn"}, 2), HasSubstr("unknown key 'head'"));
  EXPECT_THAT(output({"--masks", at("lungs"), "--decoder", "unet4"}, 2), HasSubstr("patch size 8, not 16"));
  EXPECT_THAT(output({"--masks", at("lungs"), "--findings", "a"}, 2), HasSubstr("--findings"));
  write_file_atomically(*folder_ / "masks.csv", "film,mask\nfilm-00001.dcm,gone.png\n");
  EXPECT_THAT(output({"--masks", at("masks.csv")}, 2), HasSubstr("masks.csv, line 2"));
  EXPECT_FALSE(fs::exists(at("x")));
  EXPECT_THAT(chexworld({"segment", at("films/film-00001.dcm"), "-m", at("encoder.safetensors"), "-o", at("y")}).output,
              HasSubstr("no segmentation decoder"));
}

}  // namespace
}  // namespace chexworld::test
