// SPDX-License-Identifier: Apache-2.0
//
// `chexworld embed` as typed.
#include "base/config.h"
#include "base/file.h"
#include "bundle/safetensors.h"
#include "image/png.h"
#include "support/dicom_sets.h"
#include "support/process.h"
#include "support/temporary_folder.h"
#include "unit/infer/random_bundle.h"
#include "unit/sandbox/made_radiograph.h"

#include <cmath>
#include <csignal>
#include <cstring>
#include <gmock/gmock.h>

namespace chexworld::test {
namespace {

using testing::HasSubstr;
using testing::Not;

void write(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  std::filesystem::create_directories(path.parent_path());
  write_file_atomically(path, [&](FileWriter& writer) { writer.write(bytes); });
}

std::vector<float> floats_of(const TensorView& tensor) {
  std::vector<float> values(std::size_t(tensor.element_count()));
  std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

class EmbedCommand : public testing::Test {
 protected:
  void SetUp() override {
    RandomBundle bundle(small_shape(), {}, 5);
    bundle.config.preprocessing = {{"resize", 32}, {"crop", 32}};
    bundle.write(folder_ / "model.safetensors");
    GrayImage ramp{64, 48, std::vector<std::uint8_t>(64 * 48)};
    for (std::size_t i = 0; i < ramp.pixels.size(); ++i) ramp.pixels[i] = std::uint8_t(i % 64 * 4);
    write(films() / "a" / "JANE^DOE.dcm", made_radiograph("CR", {{kPatientId, "CHEST77"}}));
    write(films() / "b" / "ramp.png", encode_png(ramp));
    write(films() / "b" / "notes.txt", {});
  }

  std::filesystem::path films() const { return folder_ / "films"; }
  std::filesystem::path output() const { return folder_ / "out.safetensors"; }
  std::vector<std::string> command(std::vector<std::string> arguments) const {
    std::vector<std::string> all{CHEXWORLD_PROGRAM, "embed",   "-o",
                                 output().string(), "--model", (folder_ / "model.safetensors").string(),
                                 "--precision",     "f32"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
  }
  Finished embed(std::vector<std::string> arguments) const { return run(command(std::move(arguments))); }

  TemporaryFolder folder_;
};

TEST_F(EmbedCommand, WritesOneRowForEachRadiograph) {
  const Finished finished = embed({films().string()});
  ASSERT_EQ(finished.exit_status, 0) << finished.output;
  EXPECT_THAT(finished.output, HasSubstr("2 of 2 files embedded"));
  const SafetensorsFile file = SafetensorsFile::open(output());
  EXPECT_EQ(file.at("embeddings").shape, (std::vector<std::int64_t>{2, 48}));
  EXPECT_EQ(Json::parse(file.metadata().at("chexworld.ids")), Json({"1.2.3.4", "b/ramp.png"}));
  EXPECT_EQ(file.metadata().at("chexworld.precision"), "f32");
  EXPECT_EQ(file.metadata().at("chexworld.model_id").size(), 64u);
  for (const float value : floats_of(file.at("embeddings"))) EXPECT_TRUE(std::isfinite(value));
  const auto bytes = read_file(output());
  const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  EXPECT_THAT(text, Not(testing::AnyOf(HasSubstr("JANE"), HasSubstr("CHEST77"))));
}

TEST_F(EmbedCommand, GivesTheSameInProcess) {
  ASSERT_EQ(embed({films().string()}).exit_status, 0);
  const std::vector<float> sandboxed = floats_of(SafetensorsFile::open(output()).at("embeddings"));
  ASSERT_EQ(embed({films().string(), "--in-process", "--batch", "1"}).exit_status, 0);
  const std::vector<float> here = floats_of(SafetensorsFile::open(output()).at("embeddings"));
  ASSERT_EQ(here.size(), sandboxed.size());
  for (std::size_t i = 0; i < here.size(); ++i) EXPECT_NEAR(here[i], sandboxed[i], 1e-4);
}

TEST_F(EmbedCommand, ListsWhatItSkipsAndWhatItCannotRead) {
  write(films() / "ct.dcm", made_radiograph("CT"));
  write(films() / "broken.dcm", std::as_bytes(std::span("no object", 9)));
  const Finished finished = embed({films().string(), "--json"});
  EXPECT_EQ(finished.exit_status, 1);
  const std::size_t first = finished.output.find('{'), last = finished.output.rfind('}');
  const Json summary = Json::parse(finished.output.substr(first, last + 1 - first));
  EXPECT_EQ(summary["embedded"], 2);
  ASSERT_EQ(summary["skipped"].size(), 1u);
  EXPECT_EQ(summary["skipped"][0]["reason"], "other-modality");
  ASSERT_EQ(summary["failed"].size(), 1u);
  EXPECT_EQ(summary["failed"][0]["reason"], "malformed");
  EXPECT_EQ(SafetensorsFile::open(output()).at("embeddings").shape[0], 2);
}

TEST_F(EmbedCommand, WritesNothingWhereThereIsNothing) {
  write(films() / "ct.dcm", made_radiograph("CT"));
  EXPECT_EQ(embed({(films() / "ct.dcm").string()}).exit_status, 1);
  EXPECT_FALSE(std::filesystem::exists(output()));
  const Finished absent = embed({(folder_ / "nowhere").string()});
  EXPECT_EQ(absent.exit_status, 1);
  EXPECT_THAT(absent.output, HasSubstr("nowhere does not exist"));
  EXPECT_EQ(run({CHEXWORLD_PROGRAM, "embed", films().string()}).exit_status, 2);
}

TEST_F(EmbedCommand, StopsCleanlyWhenInterrupted) {
  std::vector<std::string> many(10'000, (films() / "a" / "JANE^DOE.dcm").string());
  BackgroundProcess process(command(many), folder_ / "log");
  const auto under_way = [&] { return text_of(folder_ / "log").find("/10000 files") != std::string::npos; };
  ASSERT_TRUE(wait_until(under_way, std::chrono::seconds(60))) << text_of(folder_ / "log");
  EXPECT_EQ(process.stop(SIGINT), 1);
  EXPECT_THAT(text_of(folder_ / "log"), HasSubstr("was not written"));
  EXPECT_FALSE(std::filesystem::exists(output()));
}

TEST_F(EmbedCommand, TakesTheGenuineObjects) {
  if (!have_data()) GTEST_SKIP() << "no test data: set CHEXWORLD_DATA_DIR";
  std::vector<std::string> files;
  for (const DicomCase& item : dicom_cases("cxr")) files.push_back(item.file.string());
  const Finished finished = embed(files);
  ASSERT_EQ(finished.exit_status, 0) << finished.output;
  const SafetensorsFile file = SafetensorsFile::open(output());
  const auto rows = std::size_t(file.at("embeddings").shape[0]);
  EXPECT_GT(rows, files.size() / 2);
  EXPECT_EQ(Json::parse(file.metadata().at("chexworld.ids")).size(), rows);
}

}  // namespace
}  // namespace chexworld::test
