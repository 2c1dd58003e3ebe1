// SPDX-License-Identifier: Apache-2.0
//
// The contract of the store: labels.
#include "store_contract.h"

namespace chexworld::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class StoreLabels : public StoreContract {
 protected:
  static LabelSubject instance(int number) { return {LabelLevel::kInstance, sample_instance(number).sop_instance_uid}; }
  static LabelSubject study_of(int number) { return {LabelLevel::kStudy, sample_instance(number).study_instance_uid}; }

  LabelReport label(const LabelSubject& subject, std::vector<Label> labels, bool replace = false) {
    const Labelling labelling{subject, std::move(labels), replace};
    return store_->label({&labelling, 1});
  }
  std::vector<StoredLabel> labels_with_result(int number) {
    return store_->result(sample_instance(number).sop_instance_uid, model_.model_id)->labels;
  }
  std::uint64_t newest() { return store_->changes(model_.model_id, 0, 1000).last_sequence; }
};

const Label kYes{"pneumonia", "yes", "report"}, kNo{"pneumonia", "no", "reader"}, kLarge{"effusion", "large", ""};

TEST_P(StoreLabels, ComeBackByNameAndWithResults) {
  put(2);
  put(3);  // of the same study
  EXPECT_EQ(label(instance(2), {kYes, kNo}).changed, 1u);
  EXPECT_EQ(label(study_of(2), {kLarge}).changed, 1u);
  EXPECT_THAT(store_->labels(instance(2)), ElementsAre(kNo, kYes));
  EXPECT_THAT(store_->labels(study_of(2)), ElementsAre(kLarge));
  EXPECT_THAT(store_->labels(instance(3)), IsEmpty());
  const auto of_two = labels_with_result(2);
  ASSERT_THAT(of_two, SizeIs(3));
  EXPECT_EQ(of_two[0].label, kNo);
  EXPECT_EQ(of_two[0].level, LabelLevel::kInstance);
  EXPECT_EQ(of_two[2].label, kLarge);
  EXPECT_EQ(of_two[2].level, LabelLevel::kStudy);
  ASSERT_THAT(labels_with_result(3), SizeIs(1));
  EXPECT_THAT(store_->study(study_of(2).uid, model_.model_id)[0].labels, SizeIs(3));
  EXPECT_EQ(store_->info().labels, 3u);
  const auto codes = store_->label_codes();
  ASSERT_THAT(codes, SizeIs(3));
  EXPECT_EQ(codes[0].name, "effusion");
  EXPECT_EQ(codes[0].code, of_two[2].code);
  EXPECT_EQ(codes[1].value, "no");
  EXPECT_NE(codes[1].code, codes[2].code);
  put(4);
  EXPECT_THAT(labels_with_result(4), IsEmpty());
  Outcome late = sample_outcome(5, model_);
  late.instance.study_instance_uid = study_of(2).uid;
  store_->commit({{late}, {}, {}, {}});
  EXPECT_THAT(labels_with_result(5), SizeIs(1)) << "a study's labels hold for what comes later";
}

TEST_P(StoreLabels, OneValuePerNameAndSource) {
  put(1);
  label(instance(1), {kYes, kLarge});
  label(instance(1), {{"pneumonia", "perhaps", "report"}});
  EXPECT_THAT(store_->labels(instance(1)), ElementsAre(kLarge, Label{"pneumonia", "perhaps", "report"}));
  label(instance(1), {{"pneumonia", "first", "a"}, {"pneumonia", "second", "a"}}, true);
  EXPECT_THAT(store_->labels(instance(1)), ElementsAre(Label{"pneumonia", "second", "a"})) << "replaced";
  EXPECT_EQ(label(instance(1), {}, true).changed, 1u);
  EXPECT_THAT(store_->labels(instance(1)), IsEmpty());
  EXPECT_THAT(store_->label_codes(), IsEmpty()) << "what nothing carries is forgotten";
}

TEST_P(StoreLabels, ChangesReachIndexesAndRepetitionsDoNot) {
  put(2);
  put(3);
  const std::uint64_t before = newest();
  label(instance(2), {kYes});
  EXPECT_THAT(history(before), SizeIs(1));
  EXPECT_EQ(history(before)[0].result->labels[0].label, kYes);
  const std::uint64_t labelled = newest();
  EXPECT_EQ(label(instance(2), {kYes}).changed, 0u);
  EXPECT_EQ(label(instance(2), {kYes}, true).changed, 0u);
  EXPECT_EQ(newest(), labelled);
  label(study_of(2), {kLarge});
  EXPECT_THAT(history(labelled), SizeIs(2)) << "both images of the study";
}

TEST_P(StoreLabels, AreRemovedWithWhatTheyAreAbout) {
  put(2);
  put(3);
  label(instance(2), {kYes});
  label(study_of(2), {kLarge});
  store_->remove_instance(instance(2).uid);
  EXPECT_THAT(store_->labels(study_of(2)), ElementsAre(kLarge)) << "the study has an image left";
  EXPECT_THAT(store_->label_codes(), SizeIs(1));
  put(2);
  ASSERT_THAT(labels_with_result(2), SizeIs(1)) << "the study's alone";
  store_->remove_instance(instance(2).uid);
  store_->commit({{}, {}, {sample_location(3)}, {}});
  EXPECT_THAT(store_->label_codes(), IsEmpty());
  EXPECT_EQ(store_->info().labels, 0u);
  put(3);
  EXPECT_THAT(labels_with_result(3), IsEmpty());
  EXPECT_THAT(store_->verify(), IsEmpty());
}

TEST_P(StoreLabels, AStudyThatLosesItsLastImageToAnotherForgetsIts) {
  put(1);
  label(study_of(1), {kLarge});
  Outcome moved = sample_outcome(1, model_);
  moved.instance.study_instance_uid = "1.2.5.777";
  store_->commit({{moved}, {}, {}, {}});
  EXPECT_EQ(store_->info().labels, 0u);
  EXPECT_THAT(store_->verify(), IsEmpty());
}

TEST_P(StoreLabels, UnknownSubjectsAreNamedByPlace) {
  put(1);
  const std::vector<Labelling> labellings{
      {instance(7), {kYes}, false}, {instance(1), {kYes}, false}, {study_of(60), {kYes}, false}};
  const LabelReport report = store_->label(labellings);
  EXPECT_EQ(report.changed, 1u);
  EXPECT_THAT(report.unknown, ElementsAre(0u, 2u));
  EXPECT_EQ(capture([&] { store_->labels(instance(7)); }).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(capture([&] { store_->labels(study_of(60)); }).error().code(), ErrorCode::kNotFound);
}

TEST_P(StoreLabels, RefusesWhatIsNoLabel) {
  put(1);
  for (const Label& wrong : {Label{"", "yes", ""}, Label{"a\x1f", "", ""}, Label{"a", "\n", ""}, Label{"a", "", "\xff"},
                             Label{std::string(65, 'x'), "", ""}, Label{"a", std::string(65, 'x'), ""}}) {
    const auto refused = capture([&] { label(instance(1), {kYes, wrong}); });
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(refused.error().message(), HasSubstr("label's"));
  }
  EXPECT_THAT(store_->labels(instance(1)), IsEmpty());
}

TEST_P(StoreLabels, BeyondSixtyThreeTheRestSharesACode) {
  put(1);
  std::vector<Label> many;
  for (int i = 0; i < 70; ++i) many.push_back({"label " + std::to_string(i), "1", ""});
  label(instance(1), many);
  std::multiset<int> codes;
  for (const LabelCode& code : store_->label_codes()) codes.insert(code.code);
  EXPECT_EQ(codes.size(), 70u);
  EXPECT_EQ(std::set<int>(codes.begin(), codes.end()).size(), 64u);
  EXPECT_EQ(codes.count(LabelCode::kShared), 7u);
  EXPECT_THAT(labels_with_result(1), SizeIs(70));
  label(instance(1), {}, true);
  label(instance(1), {kYes});
  EXPECT_EQ(store_->label_codes()[0].code, 0) << "codes are given out again";
}

TEST_P(StoreLabels, SurviveACopyAndABackup) {
  put(1);
  label(instance(1), {kYes});
  label(study_of(1), {kLarge});
  const TemporaryFolder folder;
  store_->backup(folder / "backup.sqlite");
  const std::string copied = backend_named(GetParam() == "sqlite" ? "postgresql" : "sqlite").fresh_location();
  copy_store(folder / "backup.sqlite", copied);
  const auto copy = open_store(copied);
  EXPECT_THAT(copy->labels(instance(1)), ElementsAre(kYes));
  EXPECT_THAT(copy->labels(study_of(1)), ElementsAre(kLarge));
  EXPECT_EQ(copy->label_codes(), store_->label_codes());
  const Labelling more{instance(1), {kNo}, false};
  copy->label({&more, 1});
  EXPECT_THAT(copy->labels(instance(1)), ElementsAre(kNo, kYes)) << "row numbers go on after a copy";
  EXPECT_THAT(copy->verify(), IsEmpty());
}

TEST_P(StoreLabels, ManyAtOnceLoseNothing) {
  constexpr int kWriters = 4, kEach = 12;
  for (int number = 2; number < 6; ++number) put(number);
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer)
    writers.emplace_back([&, writer] {
      for (int i = 0; i < kEach; ++i) {
        label(instance(2 + i % 4), {{"shared", std::to_string(i), "writer " + std::to_string(writer)}});
        label(study_of(2 + i % 4), {{"of study", std::to_string(writer), "all"}});
      }
    });
  for (std::thread& writer : writers) writer.join();
  for (int number = 2; number < 6; ++number) EXPECT_THAT(store_->labels(instance(number)), SizeIs(kWriters));
  EXPECT_THAT(store_->labels(study_of(2)), SizeIs(1));
  EXPECT_THAT(store_->verify(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Backends, StoreLabels, testing::Values("sqlite", "postgresql"));

}  // namespace
}  // namespace chexworld::test
