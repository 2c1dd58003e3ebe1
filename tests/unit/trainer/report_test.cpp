// SPDX-License-Identifier: Apache-2.0
#include "base/checksum.h"
#include "base/file.h"
#include "support/process.h"
#include "support/temporary_folder.h"
#include "trainer/report/event_file.h"
#include "trainer/report/html.h"
#include "trainer/report/metrics_file.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <gmock/gmock.h>

namespace chexworld::test {
namespace {

using testing::HasSubstr;
using testing::Not;

template <class T>
T take(std::string_view& bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  bytes.remove_prefix(sizeof value);
  return value;
}

/// The records of an event file, their checksums checked.
std::vector<std::string> records_of(std::string_view bytes) {
  std::vector<std::string> records;
  while (!bytes.empty()) {
    const std::string_view length_bytes = bytes.substr(0, 8);
    const auto length = take<std::uint64_t>(bytes);
    EXPECT_EQ(take<std::uint32_t>(bytes), masked_crc32c(length_bytes));
    records.emplace_back(bytes.substr(0, length));
    bytes.remove_prefix(length);
    EXPECT_EQ(take<std::uint32_t>(bytes), masked_crc32c(records.back()));
  }
  return records;
}

TEST(EventFile, HoldsRecordsAsTensorBoardReadsThem) {
  const TemporaryFolder folder;
  EventFile events(folder.path(), 1000.0);
  events.add(300, 1001.5, {{"train/loss", 0.25}});
  EXPECT_THAT(events.path().filename().string(), testing::StartsWith("events.out.tfevents.1000."));
  const std::vector<std::string> records = records_of(text_of(events.path()));
  ASSERT_EQ(records.size(), 2u);
  using namespace std::string_literals;
  EXPECT_EQ(records[0], "\x09\0\0\0\0\0\x40\x8f\x40\x1a\x0d"s + "brain.Event:2");
  // wall_time 1001.5, step 300, one value: tag, 0.25f
  EXPECT_EQ(records[1],
            "\x09\0\0\0\0\0\x4c\x8f\x40\x10\xac\x02\x2a\x13\x0a\x11\x0a\x0a"s + "train/loss" + "\x15\0\0\x80\x3e"s);
}

TEST(EventFile, MaskedChecksumIsTheDocumentedOne) {
  // CRC-32C of "123456789" is 0xe3069283 (RFC 3720's polynomial).
  EXPECT_EQ(masked_crc32c("123456789"), ((0xe3069283u >> 15) | (0xe3069283u << 17)) + 0xa282ead8u);
}

TEST(MetricsFile, DropsWhatAKilledRunDidNotSave) {
  const TemporaryFolder folder;
  {
    MetricsFile metrics(folder / "metrics.jsonl", 0);
    for (int update = 1; update <= 5; ++update) metrics.add({{"update", update}, {"loss", update * 0.5}});
    std::ofstream(folder / "metrics.jsonl", std::ios::app) << "{\"update\": 6, \"lo";
  }
  MetricsFile metrics(folder / "metrics.jsonl", 3);
  ASSERT_EQ(metrics.records().size(), 3u);
  metrics.add({{"update", 4}, {"loss", 7}});
  std::ifstream file(folder / "metrics.jsonl");
  std::vector<double> losses;
  for (std::string line; std::getline(file, line);) losses.push_back(Json::parse(line)["loss"].get<double>());
  EXPECT_THAT(losses, testing::ElementsAre(0.5, 1.0, 1.5, 7.0));
}

TEST(Report, IsOnePageThatShowsTextAsText) {
  const std::vector<Json> records{
      {{"update", 1}, {"loss", 2.0}}, {{"update", 2}, {"loss", NAN}}, {{"update", 3}, {"loss", 1.0}}};
  const std::string page =
      training_report("a <b>", {{"films & more", "<script>"}}, records, {{{2, 2, {0, 1, 2, 3}}, "x"}});
  EXPECT_THAT(page, HasSubstr("a &lt;b&gt;"));
  EXPECT_THAT(page, HasSubstr("films &amp; more"));
  EXPECT_THAT(page, Not(HasSubstr("<script>")));
  EXPECT_THAT(page, Not(HasSubstr("nan")));
  EXPECT_THAT(page, Not(HasSubstr("http")));
  EXPECT_THAT(page, HasSubstr("<polyline"));
  EXPECT_THAT(page, HasSubstr("data:image/bmp;base64,Qk0"));
}

}  // namespace
}  // namespace chexworld::test
