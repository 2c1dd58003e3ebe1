// SPDX-License-Identifier: Apache-2.0
//
// `chexworld search` and `chexworld store verify --index` as typed.
#include "base/config.h"
#include "base/file.h"
#include "bundle/safetensors.h"
#include "image/png.h"
#include "support/process.h"
#include "support/store_samples.h"
#include "support/temporary_folder.h"

#include <algorithm>
#include <filesystem>
#include <gmock/gmock.h>

namespace chexworld::test {
namespace {

using testing::Each;
using testing::HasSubstr;
using testing::Not;

class SearchCommand : public testing::Test {
 protected:
  static constexpr int kLast = 30;

  void SetUp() override {
    const auto store = open_store(store_);
    store->add_model(model_);
    store->activate_model(model_.model_id, "test", "");
    Batch batch;
    for (int number = 1; number <= kLast; ++number) {
      batch.outcomes.push_back(sample_outcome(number, model_));
      std::vector<float> tokens(4 * model_.embedding_size, 1.0f);
      for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] += float((i * std::size_t(number)) % 7);
      batch.outcomes.back().result.patches = encode_patches(tokens, 2, 2);
    }
    store->commit(batch);
  }

  Finished search(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {CHEXWORLD_PROGRAM, "search", "--store", store_});
    return run(arguments);
  }

  Json answer(std::vector<std::string> arguments) const {
    arguments.emplace_back("--json");
    const Finished finished = search(arguments);
    EXPECT_EQ(finished.exit_status, 0) << finished.output;
    return Json::parse(finished.output, nullptr, false);
  }

  static std::vector<std::string> uids(const Json& answer) {
    std::vector<std::string> found;
    for (const Json& hit : answer["hits"]) found.push_back(hit["sop_instance_uid"]);
    return found;
  }

  const TemporaryFolder folder_;
  const std::string store_ = folder_ / "store.sqlite";
  const ModelRecord model_ = sample_model();
};

TEST_F(SearchCommand, ByUidWithAndWithoutAnIndex) {
  const Json without = answer({"1.2.3.7", "-k", "5"});
  const Json with = answer({"1.2.3.7", "-k", "5", "--index", folder_ / "indexes"});
  EXPECT_EQ(with["hits"].size(), 5u);
  for (std::size_t i = 0; i < 5; ++i)
    EXPECT_NEAR(with["hits"][i]["score"].get<double>(), without["hits"][i]["score"].get<double>(), 1e-3);
  EXPECT_EQ(with["model_id"], model_.model_id);
  EXPECT_THAT(uids(with), Each(Not("1.2.3.7")));
  EXPECT_TRUE(with["hits"][0]["findings"].contains("pneumonia"));
  EXPECT_EQ(answer({sample_instance(8).study_instance_uid, "-k", "3"})["hits"].size(), 3u);
  const Finished verified = run({CHEXWORLD_PROGRAM, "store", "verify", store_, "--index", folder_ / "indexes"});
  EXPECT_EQ(verified.exit_status, 0) << verified.output;
}

TEST_F(SearchCommand, ByEmbeddingFile) {
  const std::vector<float> embedding = sample_result(12, model_).embedding;
  const std::string file = folder_ / "query.safetensors";
  const TensorView view{DataType::kF32, {1, std::int64_t(embedding.size())}, std::as_bytes(std::span(embedding))};
  write_safetensors(file, {{"embeddings", view}}, {{"chexworld.model_id", model_.model_id}});
  EXPECT_NEAR(answer({file})["hits"][0]["score"].get<double>(), 1, 1e-3);
  write_safetensors(file, {{"embeddings", view}}, {{"chexworld.model_id", "another"}});
  EXPECT_EQ(search({file}).exit_status, 1);
}

TEST_F(SearchCommand, FiltersAndRegion) {
  const Json filtered = answer({"1.2.3.7", "--view", "PA", "--sex", "M", "--age-from", "30", "--date-from",
                                "2020-02-05", "--finding", "pneumonia=0.2", "--other-patients"});
  ASSERT_FALSE(filtered["hits"].empty());
  for (const Json& hit : filtered["hits"]) {
    EXPECT_EQ(hit["view"], "PA");
    EXPECT_EQ(hit["sex"], "M");
    EXPECT_GE(hit["age_years"].get<double>(), 30);
    EXPECT_GE(hit["date"].get<std::string>(), "2020-02-05");
    EXPECT_GE(hit["findings"]["pneumonia"].get<double>(), 0.19);
  }
  const Json by_region = answer({"1.2.3.7", "--region", "0,0,0.5,0.5", "-k", "4"});
  ASSERT_EQ(by_region["hits"].size(), 4u);
  for (const Json& hit : by_region["hits"]) EXPECT_EQ(hit["region"].size(), 4u);
}

TEST_F(SearchCommand, TableAndContactSheet) {
  EXPECT_THAT(search({"1.2.3.7"}).output, HasSubstr("SOP Instance UID"));
  const std::string first = uids(answer({"1.2.3.7", "-k", "3"}))[0];
  std::filesystem::create_directories(folder_ / "pictures");
  GrayImage picture{300, 250, std::vector<std::uint8_t>(300 * 250, 90)};
  write_png(folder_ / "pictures" / (first + ".png"), picture);
  const std::string sheet = folder_ / "sheet.html";
  const Finished finished = search({"1.2.3.7", "-k", "3", "--html", sheet, "--images", folder_ / "pictures"});
  EXPECT_EQ(finished.exit_status, 0) << finished.output;
  EXPECT_THAT(finished.output, HasSubstr("1 of 3 hits with a picture"));
  const std::string html = text_of(sheet);
  EXPECT_THAT(html, HasSubstr("data:image/png;base64,iVBORw0KGgo"));
  EXPECT_THAT(html, HasSubstr("no picture found"));
  EXPECT_THAT(html, HasSubstr(first));
  EXPECT_THAT(html, Not(HasSubstr("http")));
}

TEST_F(SearchCommand, FailuresAreOneLineAndAStatus) {
  const auto status = [&](const std::vector<std::string>& arguments) { return search(arguments).exit_status; };
  EXPECT_EQ(status({}), 2);
  EXPECT_EQ(status({"1.2.3.999"}), 1);
  EXPECT_EQ(status({"nowhere.dcm"}), 1);
  EXPECT_EQ(status({"1.2.3.7", "--date-from", "yesterday"}), 2);
  EXPECT_EQ(status({"1.2.3.7", "--finding", "pneumonia=often"}), 2);
  EXPECT_EQ(status({"1.2.3.7", "--finding", "fracture"}), 1);
  EXPECT_EQ(status({"1.2.3.7", "--region", "0,0,1"}), 2);
  EXPECT_EQ(status({"1.2.3.7", "--sex", "X"}), 2);
  const Finished refused = search({"1.2.3.999"});
  EXPECT_EQ(std::count(refused.output.begin(), refused.output.end(), '\n'), 1) << refused.output;
  EXPECT_EQ(run({CHEXWORLD_PROGRAM, "store", "verify", store_, "--index", folder_ / "absent"}).exit_status, 1);
}

}  // namespace
}  // namespace chexworld::test
