// SPDX-License-Identifier: Apache-2.0
#include "trainer/archive/archive.h"

#include "base/csv.h"
#include "base/failure.h"
#include "base/file.h"
#include "support/failure_message.h"
#include "support/temporary_folder.h"
#include "unit/trainer/drawn_films.h"

#include <cstdlib>
#include <fstream>
#include <gmock/gmock.h>

namespace chexworld::test {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::string bytes_of(const fs::path& path) {
  const std::vector<std::byte> bytes = read_file(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::map<std::string, std::string> files_of(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    files[entry.path().filename().string()] = bytes_of(entry.path());
  return files;
}

TEST(Csv, ReadsQuotesLineBreaksAndByteOrderMarks) {
  const CsvTable table = parse_csv(
      "\xEF\xBB\xBF"
      "a,b\r\n1,\"x, \"\"y\"\"\n z\"\r\n\n,2",
      "t");
  EXPECT_THAT(table.columns, ElementsAre("a", "b"));
  EXPECT_THAT(table.rows, ElementsAre(ElementsAre("1", "x, \"y\"\n z"), ElementsAre("", "2")));
  EXPECT_EQ(parse_csv("a\n" + csv_field("x,\"\n") + "\n", "t").rows[0][0], "x,\"\n");
}

TEST(Csv, SaysWhereItIsWrongAndShowsNoValue) {
  EXPECT_THAT(message_of([] { parse_csv("a,b\n1,2\nDOE^JANE", "t.csv"); }),
              testing::AllOf(HasSubstr("t.csv, line 3"), Not(HasSubstr("DOE"))));
  EXPECT_THAT(message_of([] { parse_csv("a,a\n", "t"); }), HasSubstr("named twice"));
  EXPECT_THAT(message_of([] { parse_csv("", "t"); }), HasSubstr("no header"));
  EXPECT_THAT(message_of([] { parse_csv("a\n\"x", "t"); }), HasSubstr("never ends"));
  EXPECT_THAT(message_of([] { parse_csv("a\n\"x\"y", "t"); }), HasSubstr("after a closing quote"));
}

TEST(Archive, HoldsReducedFilmsWithTheirColumns) {
  const TemporaryFolder folder;
  const Archive archive = drawn_archive(folder / "a", 7);
  ASSERT_EQ(archive.size(), 7);
  EXPECT_GT(archive.shards(), 1u);
  const GrayImage expected = resize(drawn_film(3), {57, 48});
  EXPECT_EQ(archive.film_size(3), (PixelSize{57, 48}));
  EXPECT_EQ(archive.film(3).pixels, expected.pixels);
  EXPECT_EQ(archive.value(3, "label"), "b");
  EXPECT_THAT(archive.where("label", {"b"}), ElementsAre(0, 3, 6));
  EXPECT_THROW(archive.value(0, "no such column"), Failure);
  EXPECT_THROW(archive.film(7), Failure);
  EXPECT_THAT(archive.verify(), IsEmpty());
}

TEST(Archive, PatientsArePseudonymsThatTheKeyDecides) {
  const TemporaryFolder folder;
  const Archive archive = drawn_archive(folder / "a", 4);
  EXPECT_EQ(archive.value(0, "patient"), archive.value(1, "patient"));
  EXPECT_NE(archive.value(0, "patient"), archive.value(2, "patient"));
  EXPECT_EQ(archive.value(0, "patient"), test_key().patient("P0"));
  EXPECT_NE(PseudonymKey("another key for tests").patient("P0"), test_key().patient("P0"));
  EXPECT_EQ(test_key().patient(""), "");
  EXPECT_THROW(PseudonymKey("short"), Failure);
  for (const auto& [name, bytes] : files_of(folder / "a")) {
    EXPECT_THAT(bytes, Not(HasSubstr("film-"))) << name << " names its sources";
    EXPECT_THAT(bytes, Not(HasSubstr("a key for"))) << name << " holds the key";
  }
}

TEST(Archive, AKeyFileIsMadeOnceAndForTheOwnerOnly) {
  const TemporaryFolder folder;
  const PseudonymKey key = PseudonymKey::from_file(folder / "key");
  EXPECT_EQ(PseudonymKey::from_file(folder / "key").patient("x"), key.patient("x"));
  EXPECT_EQ(fs::status(folder / "key").permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST(Archive, IsTheSameWhateverThreadsAndInterruptions) {
  const TemporaryFolder folder;
  BuildOptions options = small_build();
  build_archive(DrawnSource(30), folder / "whole", test_key(), options);
  options.threads = 3;
  build_archive(DrawnSource(30), folder / "threads", test_key(), options);
  EXPECT_EQ(files_of(folder / "threads"), files_of(folder / "whole"));

  // Killed after some shards: those are there whole, the rest is not.
  fs::create_directory(folder / "killed");
  fs::copy_file(folder / "whole/archive.json", folder / "killed/archive.json");
  for (const char* shard : {"shard-00000.safetensors", "shard-00001.safetensors"})
    fs::copy_file(folder.path() / "whole" / shard, folder.path() / "killed" / shard);
  const BuildProgress progress = build_archive(DrawnSource(30), folder / "killed", test_key(), options);
  EXPECT_GT(progress.there, 0);
  EXPECT_EQ(progress.there + progress.added, 30);
  EXPECT_EQ(files_of(folder / "killed"), files_of(folder / "whole"));
}

TEST(Archive, StopsWhenAskedAndGoesOn) {
  const TemporaryFolder folder;
  const BuildProgress first = build_archive(DrawnSource(30), folder / "a", test_key(), small_build(),
                                            [](const BuildProgress& now) { return now.seen < 10; });
  EXPECT_LT(first.seen, 30);
  const BuildProgress second = build_archive(DrawnSource(30), folder / "a", test_key(), small_build());
  EXPECT_EQ(second.there, first.added);
  EXPECT_EQ(Archive::open(folder / "a").size(), 30);
  EXPECT_THAT(Archive::open(folder / "a").verify(), IsEmpty());
}

/// Every film twice, one that cannot be read, one that the gate skips.
struct MixedSource : FilmSource {
  std::vector<SourceItem> all{{"film-1", "", {}}, {"copy of film-1", "", {}}, {"broken", "", {}}, {"hand", "", {}}};
  const std::vector<SourceItem>& items() const override { return all; }
  SourceFilm read(const SourceItem& item, const ArchiveSettings&) const override {
    SourceFilm film;
    if (item.place == "broken") film.outcome = SourceFilm::Outcome::kUnreadable, film.reason = "it is broken";
    if (item.place == "hand") film.outcome = SourceFilm::Outcome::kSkipped, film.reason = "not-chest";
    film.picture = drawn_film(1);
    return film;
  }
};

TEST(Archive, LeavesOutDuplicatesAndListsTheUnreadable) {
  const TemporaryFolder folder;
  std::vector<std::string> unreadable;
  const BuildProgress progress = build_archive(
      MixedSource(), folder / "a", test_key(), small_build(), {},
      [&](const std::string& place, const std::string& why) { unreadable.push_back(place + ": " + why); });
  EXPECT_EQ(progress.added, 1);
  EXPECT_EQ(progress.duplicates, 1);
  EXPECT_EQ(progress.skipped.at("not-chest"), 1);
  EXPECT_THAT(unreadable, ElementsAre("broken: it is broken"));
}

TEST(Archive, SixteenBitsKeepWhatEightCannot) {
  const TemporaryFolder folder;
  struct Deep : DrawnSource {
    Deep() : DrawnSource(1) {}
    SourceFilm read(const SourceItem& item, const ArchiveSettings& settings) const override {
      SourceFilm film = DrawnSource::read(item, settings);
      for (std::size_t i = 0; i < film.picture.pixels.size(); ++i)
        film.grey.push_back(float(film.picture.pixels[i]) / 255);
      return film;
    }
  };
  BuildOptions options = small_build();
  options.settings.bits = 16;
  build_archive(Deep(), folder / "a", test_key(), options);
  const Archive archive = Archive::open(folder / "a");
  EXPECT_THAT(archive.verify(), IsEmpty());
  const GrayImage film = archive.film(0), expected = resize(drawn_film(0), {57, 48});
  for (std::size_t i = 0; i < film.pixels.size(); ++i) ASSERT_LE(std::abs(film.pixels[i] - expected.pixels[i]), 1) << i;
}

TEST(Archive, RefusesOtherSettingsAndDamage) {
  const TemporaryFolder folder;
  drawn_archive(folder / "a", 5);
  BuildOptions options = small_build();
  options.settings.short_side = 40;
  EXPECT_THAT(message_of([&] { build_archive(DrawnSource(5), folder / "a", test_key(), options); }),
              HasSubstr("another short side (48 pixels)"));
  EXPECT_THAT(message_of([&] {
                build_archive(DrawnSource(5), folder / "a", PseudonymKey("another key, also long"), small_build());
              }),
              HasSubstr("another pseudonym key"));
  EXPECT_THAT(message_of([&] { Archive::open(folder / "nothing"); }), HasSubstr("is no archive"));

  const fs::path shard = folder / "a/shard-00000.safetensors";
  std::string bytes = bytes_of(shard);
  bytes[bytes.size() / 2] = char(bytes[bytes.size() / 2] ^ 1);  // pixels are most of it
  write_file_atomically(shard, bytes);
  EXPECT_THAT(Archive::open(folder / "a").verify(), ElementsAre(HasSubstr("its pixels have changed")));
  bytes.resize(bytes.size() - 100);
  write_file_atomically(shard, bytes);
  EXPECT_THROW(Archive::open(folder / "a"), Failure);
}

}  // namespace
}  // namespace chexworld::test
