// SPDX-License-Identifier: Apache-2.0
#include "trainer/labels/labelled_films.h"

#include "base/failure.h"
#include "base/file.h"
#include "support/failure_message.h"
#include "support/temporary_folder.h"
#include "trainer/labels/folds.h"
#include "unit/trainer/drawn_films.h"

#include <gmock/gmock.h>

namespace chexworld::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using V = LabelValue;

/// Twelve drawn films of six patients: "film-0" ... "film-11", every third one labelled "b", the others "a".
class LabelsTest : public testing::Test {
 protected:
  std::filesystem::path csv(const std::string& text) const {
    write_file_atomically(folder_ / "labels.csv", text);
    return folder_ / "labels.csv";
  }
  FilmTable joined(const std::string& text, bool allow_unknown = false) const {
    return {archive_, {.path = csv(text), .allow_unknown = allow_unknown}, test_key()};
  }
  LabelledFilms labels_of(const std::string& text, const LabelColumns& columns = {}) const {
    const FilmTable table = joined(text);
    return read_labels(table, table.films(), columns);
  }
  std::string complaint_about(const std::string& text, const LabelColumns& columns = {}) const {
    return message_of([&] { labels_of(text, columns); });
  }

  TemporaryFolder folder_;
  Archive archive_ = drawn_archive(folder_ / "archive", 12);
};

TEST(LabelValueTest, ReadsNumbersAndWords) {
  for (const char* text : {"1", "1.0", " Yes", "POSITIVE", "present", "true"})
    EXPECT_EQ(label_value_from(text), V::kPositive) << text;
  for (const char* text : {"0", "0.0", "no", "negative ", "absent", "False"})
    EXPECT_EQ(label_value_from(text), V::kNegative) << text;
  for (const char* text : {"-1", "-1.0", "uncertain", "possible"})
    EXPECT_EQ(label_value_from(text), V::kUncertain) << text;
  for (const char* text : {"", "  ", "nan", "N/A", "unknown"}) EXPECT_EQ(label_value_from(text), V::kMissing) << text;
  for (const char* text : {"2", "0.5", "pneumonia", "1 0"}) EXPECT_EQ(label_value_from(text), std::nullopt) << text;
}

TEST(LabelValueTest, ReadsPoliciesForUncertainLabels) {
  EXPECT_EQ(uncertain_policy_from("ignore").target, std::nullopt);
  EXPECT_EQ(uncertain_policy_from("zero").target, 0.0);
  EXPECT_EQ(uncertain_policy_from("one").target, 1.0);
  EXPECT_EQ(uncertain_policy_from("0.3").target, 0.3);
  EXPECT_EQ(text_of(uncertain_policy_from("0.3")), "0.3");
  for (const char* text : {"2", "half", "-0.1", "nan", ""}) EXPECT_THROW(uncertain_policy_from(text), Failure) << text;
}

TEST_F(LabelsTest, TwoClassesMakeOneFinding) {
  const FilmTable table(archive_);
  const LabelledFilms labels = read_labels(table, table.films(), class_columns_from("label=a,b"));
  EXPECT_THAT(labels.findings, ElementsAre("b"));
  EXPECT_FALSE(labels.exclusive);
  ASSERT_EQ(labels.size(), 12u);
  EXPECT_EQ(labels.at(0, 0), V::kPositive);
  EXPECT_EQ(labels.at(1, 0), V::kNegative);
  EXPECT_EQ(labels.patients[0], labels.patients[1]);
  EXPECT_NE(labels.patients[1], labels.patients[2]);
}

TEST_F(LabelsTest, AskWhichOfTwoClassesIsTheFinding) {
  const FilmTable table(archive_);
  EXPECT_THAT(message_of([&] { read_labels(table, table.films(), class_columns_from("label")); }),
              HasSubstr("label=a,b"));
}

TEST_F(LabelsTest, ClassesExcludeEachOther) {
  const LabelledFilms labels =
      labels_of("file,kind\nfilm-2,z\nfilm-0,x\nfilm-1,y\nfilm-5,\n", class_columns_from("kind"));
  EXPECT_THAT(labels.findings, ElementsAre("x", "y", "z"));
  EXPECT_TRUE(labels.exclusive);
  EXPECT_THAT(labels.films, ElementsAre(0, 1, 2));
  EXPECT_EQ(labels.class_of(2), 2u);
}

TEST_F(LabelsTest, AFileOfFindingsIsJoinedByTheKeyedHashOfThePath) {
  const LabelledFilms labels = labels_of("path,nodule,effusion\nfilm-3,1,-1\nfilm-1,0,\nfilm-4,,\n");
  EXPECT_THAT(labels.findings, ElementsAre("nodule", "effusion"));
  EXPECT_THAT(labels.films, ElementsAre(1, 3));  // film 4 says nothing
  EXPECT_THAT(labels.values, ElementsAre(V::kNegative, V::kMissing, V::kPositive, V::kUncertain));
}

TEST_F(LabelsTest, UncertainLabelsBecomeWhatThePolicySays) {
  const LabelledFilms labels = labels_of("file,nodule,effusion\nfilm-1,0,\nfilm-3,1,-1\n");
  const TrainingTargets ignored = training_targets(labels, uncertain_policy_from("ignore"));
  EXPECT_THAT(ignored.weights, ElementsAre(1, 0, 1, 0));
  EXPECT_THAT(ignored.targets, ElementsAre(0, 0, 1, 0));
  const TrainingTargets soft = training_targets(labels, uncertain_policy_from("0.25"));
  EXPECT_THAT(soft.weights, ElementsAre(1, 0, 1, 1));
  EXPECT_THAT(soft.targets, ElementsAre(0, 0, 1, 0.25F));
}

TEST_F(LabelsTest, PositiveWeightsAreNegativesOverPositives) {
  const LabelledFilms labels = labels_of("file,x,y\nfilm-0,1,1\nfilm-1,0,\nfilm-2,0,-1\nfilm-3,0,1\n");
  EXPECT_THAT(positive_weights(labels), ElementsAre(3.0F, 1.0F));
}

// ---- what is wrong with a file ----

TEST_F(LabelsTest, UnknownIdsAreCountedAndTheirLinesNamed) {
  const std::string text = "file,x\nfilm-0,1\nDOE^JANE.png,1\nfilm-1,0\nfilm-99,0\n";
  EXPECT_THAT(complaint_about(text),
              AllOf(HasSubstr("labels.csv: 2 of 4 rows name no film of the archive (lines 3, 5)"),
                    HasSubstr("--allow-unknown"), Not(HasSubstr("DOE"))));
  const FilmTable table = joined(text, true);
  EXPECT_EQ(table.unknown_rows(), 2u);
  EXPECT_THAT(table.films(), ElementsAre(0, 1));
  EXPECT_THAT(message_of([&] { joined("file,x\nnowhere,1\n", true); }), HasSubstr("1 of 1 rows"));
}

TEST_F(LabelsTest, RowsWithoutIdAreCounted) {
  EXPECT_THAT(complaint_about("file,x\nfilm-0,1\n,0\n"),
              HasSubstr("1 of 2 rows have nothing in column 'file' (line 3)"));
}

TEST_F(LabelsTest, ContradictionsAreCountedAndRepetitionsPass) {
  const std::string text = "file,x,remark\nfilm-0,1,seen\nfilm-1,0,\nfilm-0,0,\nfilm-1,0.0,again\n";
  EXPECT_THAT(complaint_about(text, {.findings = {"x"}}),
              AllOf(HasSubstr("1 rows contradict"), HasSubstr("line 4 against 2")));
  EXPECT_EQ(labels_of("file,x\nfilm-0,1\nfilm-1,0\nfilm-0,1.0\n").size(), 2u);
}

TEST_F(LabelsTest, TextsThatAreNoLabelsAreCountedByColumn) {
  EXPECT_THAT(complaint_about("file,x,y\nfilm-0,1,great\nfilm-1,0,1\nfilm-2,3,tiny\n"),
              AllOf(HasSubstr("column 'x' has 1 texts"), HasSubstr("column 'y' has 2 texts"),
                    HasSubstr("labels.csv, line 2"), Not(HasSubstr("great"))));
}

TEST_F(LabelsTest, OneClassOnlyIsRefused) {
  EXPECT_THAT(complaint_about("file,k\nfilm-0,a\nfilm-1,a\n", class_columns_from("k")),
              HasSubstr("only the class 'a'"));
  EXPECT_THAT(complaint_about("file,k\nfilm-0,a\nfilm-1,b\n", class_columns_from("k=a,b,c")),
              HasSubstr("none of 2 films has the class 'c'"));
  const LabelledFilms labels = labels_of("file,x,y\nfilm-0,1,0\nfilm-1,1,1\n");
  EXPECT_THAT(message_of([&] { require_both_values(labels); }),
              AllOf(HasSubstr("'x' (2 positive, 0 negative)"), Not(HasSubstr("'y'"))));
}

TEST_F(LabelsTest, AnotherKeyIsNoticed) {
  const PseudonymKey other("some other key for tests");
  EXPECT_THAT(message_of([&] { FilmTable(archive_, {.path = csv("file,x\nfilm-0,1\n")}, other); }),
              HasSubstr("not the one that this archive was built with"));
}

TEST_F(LabelsTest, TheColumnOfIdsMustBeKnown) {
  EXPECT_THAT(complaint_about("thing,x\nfilm-0,1\n"), HasSubstr("no column names films"));
  const LabelFile file{
      .path = csv("thing,x\nfilm-0,1\n"), .id_column = "thing", .identity = film_identity_from("file")};
  EXPECT_EQ(FilmTable(archive_, file, test_key()).films().size(), 1u);
  EXPECT_THAT(complaint_about("StudyInstanceUID,x\n1.2.3,1\n"), HasSubstr("no column 'study_key'"));
}

TEST_F(LabelsTest, MissingColumnsAreNamedWithThoseThatAreThere) {
  EXPECT_THAT(complaint_about("file,x\nfilm-0,1\n", {.findings = {"y"}}), AllOf(HasSubstr("'y'"), HasSubstr("x")));
  const FilmTable table(archive_);
  EXPECT_THAT(message_of([&] { read_labels(table, table.films(), {}); }), HasSubstr("name classes or findings"));
}

/// Films that DICOM names: a row about a study is about all of its films.
class DicomLikeSource : public DrawnSource {
 public:
  using DrawnSource::DrawnSource;
  SourceFilm read(const SourceItem& item, const ArchiveSettings& settings) const override {
    SourceFilm film = DrawnSource::read(item, settings);
    const int number = std::stoi(item.place.substr(5));
    film.ids = {{kInstanceKeyColumn, "1.2." + std::to_string(number)},
                {kStudyKeyColumn, "1.3." + std::to_string(number / 2)},
                {kAccessionKeyColumn, "A" + std::to_string(number / 2)}};
    return film;
  }
};

TEST(DicomLabels, AreJoinedByInstanceStudyOrAccession) {
  const TemporaryFolder folder;
  build_archive(DicomLikeSource(6), folder / "a", test_key(), small_build());
  const Archive archive = Archive::open(folder / "a");
  const auto films_of = [&](const std::string& text) {
    write_file_atomically(folder / "l.csv", text);
    return FilmTable(archive, {.path = folder / "l.csv"}, test_key()).films();
  };
  EXPECT_THAT(films_of("SOP Instance UID,x\n1.2.3,1\n1.2.0,0\n"), ElementsAre(0, 3));
  EXPECT_THAT(films_of("StudyInstanceUID,x\n1.3.1,1\n"), ElementsAre(2, 3));
  EXPECT_THAT(films_of("accession_number,x\nA2,1\n"), ElementsAre(4, 5));
  for (std::int64_t film = 0; film < archive.size(); ++film)
    for (const char* column : {kInstanceKeyColumn, kStudyKeyColumn, kAccessionKeyColumn})
      EXPECT_THAT(archive.value(film, column), testing::MatchesRegex("[0-9a-f]{16}"));
}

// ---- folds ----

class FoldsTest : public LabelsTest {
 protected:
  LabelledFilms archive_labels() const { return read_labels(table_, table_.films(), class_columns_from("label=a,b")); }
  FilmTable table_{archive_};
};

/// Many patients with one to four films and three findings of different frequency.
LabelledFilms many_films() {
  StreamRandom random({3, 0, 0, RandomPurpose::kOther});
  LabelledFilms labels;
  labels.findings = {"often", "rare"};
  for (int patient = 0; patient < 150; ++patient)
    for (std::int64_t film = random.below(4); film >= 0; --film) {
      labels.films.push_back(std::int64_t(labels.films.size()));
      labels.patients.push_back("p" + std::to_string(patient));
      labels.values.push_back(random.uniform() < 0.4 ? V::kPositive : V::kNegative);
      labels.values.push_back(patient % 10 == 0 ? V::kPositive : V::kNegative);
    }
  return labels;
}

TEST_F(FoldsTest, DrawnOnesKeepPatientsTogetherAndSpreadLabels) {
  const LabelledFilms labels = many_films();
  const Folds folds = draw_folds(labels, 5, 1);
  EXPECT_EQ(folds.of, draw_folds(labels, 5, 1).of);
  EXPECT_NE(folds.of, draw_folds(labels, 5, 2).of);
  std::map<std::string, int> fold_of;
  for (std::size_t row = 0; row < labels.size(); ++row)
    EXPECT_EQ(fold_of.try_emplace(labels.patients[row], folds.of[row]).first->second, folds.of[row]);
  for (int fold = 0; fold < 5; ++fold) {
    const LabelledFilms part = labels.subset(folds.inside(fold));
    EXPECT_NEAR(double(part.size()), double(labels.size()) / 5, 3);
    EXPECT_NEAR(double(count_labels(part, 0).positive), double(count_labels(labels, 0).positive) / 5, 3);
    EXPECT_NEAR(double(count_labels(part, 1).positive), double(count_labels(labels, 1).positive) / 5, 3);
  }
  EXPECT_NO_THROW(require_usable_folds(labels, folds));
}

TEST_F(FoldsTest, MorePatientsThanFoldsAreNeeded) {
  EXPECT_THAT(message_of([&] { draw_folds(archive_labels(), 7, 1); }),
              HasSubstr("7 folds cannot be drawn from 6 patients"));
}

TEST_F(FoldsTest, GivenOnesSortNumbersAndLeaveFilmsOut) {
  const FilmTable table = joined("file,k,f\nfilm-0,1,10\nfilm-2,0,2\nfilm-4,1,\nfilm-1,0,10\n");
  const LabelledFilms labels = read_labels(table, table.films(), {.findings = {"k"}});
  const Folds folds = given_folds(table, labels, "f");
  EXPECT_THAT(folds.names, ElementsAre("2", "10"));
  EXPECT_THAT(folds.of, ElementsAre(1, 1, 0, -1));
  EXPECT_THAT(folds.outside(0), ElementsAre(0, 1));
  EXPECT_EQ(folds.number_of("10"), 1);
  EXPECT_THROW(folds.number_of("3"), Failure);
}

TEST_F(FoldsTest, APatientOnTwoSidesIsNamedByKey) {
  const FilmTable table = joined("file,k,f\nfilm-0,1,train\nfilm-1,0,test\nfilm-2,1,test\nfilm-4,0,train\n");
  const LabelledFilms labels = read_labels(table, table.films(), {.findings = {"k"}});
  EXPECT_THAT(message_of([&] { given_folds(table, labels, "f"); }),
              AllOf(HasSubstr("1 of 3 patients are on several sides"),
                    HasSubstr(test_key().patient("P0") + " in test and train"), Not(HasSubstr("P0 "))));
}

TEST_F(FoldsTest, OneFoldIsNotEnough) {
  const FilmTable table = joined("file,k,f\nfilm-0,1,0\nfilm-2,0,0\n");
  const LabelledFilms labels = read_labels(table, table.films(), {.findings = {"k"}});
  EXPECT_THAT(message_of([&] { given_folds(table, labels, "f"); }),
              HasSubstr("only the fold '0' for the 2 labelled films"));
}

TEST_F(FoldsTest, EmptyAndOneSidedFoldsAreNamed) {
  const LabelledFilms labels = archive_labels();
  Folds folds{{"0", "1", "2"}, std::vector<int>(12, 0)};
  for (const std::size_t row : {2u, 4u, 5u, 10u}) folds.of[row] = 1;  // all "a"
  EXPECT_THAT(message_of([&] { require_usable_folds(labels, folds); }),
              AllOf(HasSubstr("fold '2' is empty"), HasSubstr("fold '1' has of 'b' 0 positive, 4 negative")));
}

TEST_F(FoldsTest, SplitsKeepPatientsOnOneSide) {
  const LabelledFilms labels = many_films();
  const Folds folds = draw_folds(labels, 5, 1);
  const Split drawn = split_with(labels, folds, 2, -1, 4, 9);
  EXPECT_EQ(drawn.train.size() + drawn.validation.size() + drawn.test.size(), labels.size());
  EXPECT_EQ(drawn.test, folds.inside(2));
  EXPECT_NEAR(double(drawn.validation.size()), double(labels.size()) / 5, 4);
  const Split named = split_with(labels, folds, 2, 3, 0, 0);
  EXPECT_EQ(named.validation, folds.inside(3));
  Split leaking = named;
  leaking.train.push_back(leaking.test.back());
  leaking.test.pop_back();
  EXPECT_THAT(message_of([&] { require_no_leakage(labels, leaking); }), HasSubstr("in training and test"));
}

}  // namespace
}  // namespace chexworld::test
