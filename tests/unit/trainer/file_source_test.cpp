// SPDX-License-Identifier: Apache-2.0
//
// Films from files, tables and an Orthanc, the real data where it is present.
#include "trainer/archive/file_source.h"

#include "base/failure.h"
#include "base/file.h"
#include "image/png.h"
#include "support/temporary_folder.h"
#include "support/test_data.h"
#include "trainer/archive/orthanc_source.h"
#include "unit/trainer/drawn_films.h"

#include <gmock/gmock.h>

namespace chexworld::test {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

void write_films(const fs::path& folder) {
  fs::create_directories(folder / "sub");
  for (int i = 0; i < 3; ++i) write_png(folder / ("f" + std::to_string(i) + ".png"), drawn_film(std::uint64_t(i)));
  write_png(folder / "sub/copy.png", drawn_film(1));
  write_file_atomically(folder / "notes.txt", "no film");
}

TEST(FileSource, WalksAFolder) {
  const TemporaryFolder folder;
  write_films(folder / "films");
  std::string unreadable;
  const BuildProgress progress =
      build_archive(FileSource::walk(folder / "films"), folder / "a", test_key(), small_build(), {},
                    [&](const std::string& place, const std::string&) { unreadable += place; });
  EXPECT_EQ(progress.added, 3);
  EXPECT_EQ(progress.duplicates, 1);
  EXPECT_EQ(unreadable, "notes.txt");
  EXPECT_THROW(FileSource::walk(folder / "nowhere"), Failure);
}

TEST(FileSource, FollowsATable) {
  const TemporaryFolder folder;
  write_films(folder / "films");
  write_file_atomically(
      folder / "t.csv",
      "file,who,label,split\nf0.png,P1,a,yes\nf1.png,P1,b,no\nf2.png,P2,b,yes\nmissing.png,P2,b,yes\n");
  TableOptions table{folder / "t.csv", "file", "who", {"label"}, {{"split", "yes"}}};
  std::vector<std::string> unreadable;
  build_archive(FileSource::from_table(folder / "films", table), folder / "a", test_key(), small_build(), {},
                [&](const std::string& place, const std::string&) { unreadable.push_back(place); });
  const Archive archive = Archive::open(folder / "a");
  ASSERT_EQ(archive.size(), 2);
  EXPECT_EQ(archive.value(0, "label"), "a");
  EXPECT_EQ(archive.value(1, "patient"), test_key().patient("P2"));
  EXPECT_THAT(unreadable, ElementsAre("missing.png"));
  EXPECT_THAT(archive.columns(), ElementsAre("label", "patient"));
}

TEST(FileSource, CarriesNoColumnThatIdentifiesPatients) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "t.csv", "file,who,PatientName,birth_date,accession,label\n");
  for (const char* column : {"who", "PatientName", "birth_date", "accession", "nowhere"}) {
    TableOptions table{folder / "t.csv", "file", "who", {column}, {}};
    EXPECT_THROW(FileSource::from_table(folder.path(), table), Failure) << column;
  }
}

TEST(FileSource, TakesFromRealDicomWhatTheGateAccepts) {
  if (!have_data()) GTEST_SKIP() << "no test data here (CHEXWORLD_DATA_DIR)";
  const TemporaryFolder folder;
  ArchiveSettings settings;
  std::size_t films = 0, skipped = 0, total = 0, named = 0;
  for (const CsvRow& row : read_csv(data_dir() / "dicom/ignore/manifest.csv")) {
    const auto file = row.find("file");
    if (file == row.end()) continue;
    const std::vector<std::byte> bytes = read_file(data_dir() / "dicom/ignore" / file->second);
    const SourceFilm film = film_of(bytes, settings);
    ++total;
    skipped += film.outcome != SourceFilm::Outcome::kFilm;
    EXPECT_NE(film.outcome, SourceFilm::Outcome::kFilm) << file->second;
  }
  for (const CsvRow& row : read_csv(data_dir() / "dicom/cxr/manifest.csv")) {
    const auto file = row.find("file");
    if (file == row.end() || row.at("expected") != "accept") continue;
    const SourceFilm film = film_of(read_file(data_dir() / "dicom/cxr" / file->second), settings);
    ++total;
    films += film.outcome == SourceFilm::Outcome::kFilm;
    named += film.ids.contains(kInstanceKeyColumn) && film.ids.at(kInstanceKeyColumn).starts_with("2.25.");
    for (const auto& [column, value] : film.columns) EXPECT_THAT(value, Not(HasSubstr("2.25."))) << column;
    EXPECT_EQ(film.outcome, SourceFilm::Outcome::kFilm) << file->second << ": " << film.reason;
  }
  EXPECT_EQ(named, films);  // what labels can be joined by
  report_coverage("DICOM objects", films + skipped, total);
}

TEST(OrthancSource, FetchesWhatMatches) {
  std::string asked;
  OrthancConnection connection;
  connection.post = [&](const std::string& target, const std::string& json) {
    asked = target + " " + json;
    return std::string(R"(["b-2", "a-1"])");
  };
  connection.get = [](const std::string& target) {
    if (target != "/instances/a-1/file") fail(ErrorCode::kNotFound, "the server answered 404");
    const std::vector<std::byte> png = encode_png(drawn_film(1));
    return std::string(reinterpret_cast<const char*>(png.data()), png.size());
  };
  const OrthancSource source(connection, {{"StudyDate", "20240101-"}});
  EXPECT_THAT(asked, testing::AllOf(HasSubstr("/tools/find"), HasSubstr("CR\\\\DX"), HasSubstr("20240101-")));
  ASSERT_EQ(source.items().size(), 2u);
  EXPECT_EQ(source.read(source.items()[0], {}).outcome, SourceFilm::Outcome::kFilm);
  const SourceFilm gone = source.read(source.items()[1], {});
  EXPECT_EQ(gone.outcome, SourceFilm::Outcome::kUnreadable);
  EXPECT_THAT(gone.reason, HasSubstr("404"));
}

TEST(OrthancSource, TrustsNoAnswer) {
  for (const char* answer : {"{}", "[1]", R"(["../../etc"])", "not json"}) {
    OrthancConnection connection;
    connection.post = [&](const std::string&, const std::string&) { return std::string(answer); };
    EXPECT_THROW(OrthancSource(connection, {}), Failure) << answer;
  }
}

}  // namespace
}  // namespace chexworld::test
