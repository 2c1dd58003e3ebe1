// SPDX-License-Identifier: Apache-2.0
//
// The contract of the store: results, and what it refuses.
#include "store_contract.h"

#include <functional>

namespace chexworld::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

INSTANTIATE_TEST_SUITE_P(Backends, StoreContract, testing::Values("sqlite", "postgresql"),
                         [](const auto& backend) { return backend.param; });

// ---- results ----

TEST_P(StoreContract, KeepsEverythingOfAResult) {
  for (int number : {5, 6}) put(number);  // with and without date and age
  reopen();
  for (int number : {5, 6}) {
    const Outcome expected = sample_outcome(number, model_);
    const auto found = store_->result(expected.instance.sop_instance_uid, model_.model_id);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->instance, expected.instance);
    EXPECT_EQ(found->result, expected.result);
    EXPECT_EQ(found->stored_at, clock_.wall());
    EXPECT_EQ(store_->instance_at("server-1", expected.location.instance_id), expected.instance);
    EXPECT_THAT(store_->locations(expected.instance.sop_instance_uid), ElementsAre(expected.location));
  }
  EXPECT_EQ(store_->result("1.2.3.7", model_.model_id), std::nullopt);
  EXPECT_EQ(store_->result("1.2.3.5", "another"), std::nullopt);
  EXPECT_EQ(store_->instance("1.2.3.7"), std::nullopt);
}

TEST_P(StoreContract, KeepsWhyAHeadGaveNoAnswer) {
  Outcome outcome = sample_outcome(1, model_);
  outcome.result.finding_probabilities = {};
  outcome.result.abstained = "view-outside";
  outcome.result.abstained_detail = "the view is lateral, the head was calibrated on PA";
  store_->commit({{outcome}, {}, {}, {}});
  reopen();
  const auto abstained = store_->result("1.2.3.1", model_.model_id);
  ASSERT_TRUE(abstained);
  EXPECT_EQ(abstained->result, outcome.result);
  EXPECT_THAT(store_->verify(), IsEmpty());
  store_->commit({{outcome}, {}, {}, {}});
  EXPECT_EQ(store_->result("1.2.3.1", model_.model_id)->sequence, abstained->sequence) << "repetition";

  put(1);  // the same film, processed again with an answer
  const auto answered = store_->result("1.2.3.1", model_.model_id);
  EXPECT_GT(answered->sequence, abstained->sequence);
  EXPECT_EQ(answered->result, sample_result(1, model_));
}

TEST_P(StoreContract, RefusesAnAnswerOfAHeadThatAbstained) {
  Outcome outcome = sample_outcome(1, model_);
  outcome.result.abstained = "view-outside";
  EXPECT_EQ(refusal(outcome), ErrorCode::kInvalidArgument);
  EXPECT_THAT(message_, HasSubstr("the head abstained"));
  outcome.result.abstained.clear();
  outcome.result.abstained_detail = "for no reason";
  EXPECT_EQ(refusal(outcome), ErrorCode::kInvalidArgument);
  outcome.result.abstained_detail.clear();
  outcome.result.finding_probabilities.clear();
  EXPECT_EQ(refusal(outcome), ErrorCode::kInvalidArgument) << "no answer and no reason";
}

TEST_P(StoreContract, RoundsEmbeddingsNoFurtherThanPromised) {
  for (const float magnitude : {1e-30f, 1e-3f, 1.0f, 7e4f, 1e30f}) {
    Outcome outcome = sample_outcome(1, model_);
    for (std::size_t i = 0; i < outcome.result.embedding.size(); ++i)
      outcome.result.embedding[i] = magnitude * (i % 2 == 0 ? 1.0f : -1.0f) / float(3 * i + 1);
    store_->commit({{outcome}, {}, {}, {}});
    const std::vector<float> found = store_->result("1.2.3.1", model_.model_id)->result.embedding;
    ASSERT_EQ(found.size(), outcome.result.embedding.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      const float value = outcome.result.embedding[i];
      EXPECT_NEAR(found[i] / value, 1, std::ldexp(1.0, -11)) << magnitude << " " << i;
    }
  }
}

TEST_P(StoreContract, RepetitionChangesNothing) {
  put(1);
  const auto before = store_->result("1.2.3.1", model_.model_id);
  clock_.advance(1h);
  EXPECT_EQ(put(1).stored, 1u);
  const auto after = store_->result("1.2.3.1", model_.model_id);
  EXPECT_EQ(before->row, after->row);
  EXPECT_EQ(before->sequence, after->sequence);
  EXPECT_EQ(before->stored_at, after->stored_at);
  EXPECT_EQ(store_->models()[0].results, 1u);
}

TEST_P(StoreContract, ReplacingKeepsTheRowAndGrowsTheSequence) {
  put(1);
  put(2);
  const auto before = store_->result("1.2.3.1", model_.model_id);
  Outcome changed = sample_outcome(1, model_);
  changed.result.embedding[3] = 9;
  store_->commit({{changed}, {}, {}, {}});
  const auto after = store_->result("1.2.3.1", model_.model_id);
  EXPECT_EQ(after->row, before->row);
  EXPECT_GT(after->sequence, before->sequence);
  EXPECT_EQ(after->result.embedding[3], 9);
  EXPECT_EQ(store_->models()[0].results, 2u);
}

TEST_P(StoreContract, FindsAStudyAndRows) {
  for (int number : {2, 3, 4}) put(number);
  const auto study = store_->study("1.2.5.1", model_.model_id);
  ASSERT_THAT(study, SizeIs(2));
  EXPECT_EQ(study[0].instance, sample_instance(2));
  EXPECT_EQ(study[1].instance, sample_instance(3));
  const std::vector<std::int64_t> wanted{study[1].row, 999'999, study[0].row};
  const auto rows = store_->rows(model_.model_id, wanted);
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows[0].instance, sample_instance(3));
  EXPECT_EQ(rows[1].instance, sample_instance(2));
  EXPECT_THAT(store_->rows("another", wanted), IsEmpty());
}

TEST_P(StoreContract, TwoModelsNeverMix) {
  ModelRecord other = sample_model("model-b");
  other.embedding_size = 3;
  other.finding_labels = {};
  store_->add_model(other);
  put(1);
  put(1, other);
  EXPECT_EQ(store_->result("1.2.3.1", "model-a")->result.embedding.size(), 12u);
  EXPECT_EQ(store_->result("1.2.3.1", "model-b")->result.embedding.size(), 3u);
  EXPECT_THAT(history(0, "model-a"), SizeIs(1));
  EXPECT_THAT(history(0, "model-b"), SizeIs(1));
}

TEST_P(StoreContract, KeepsPatchTokensUntilTheResultIsReplaced) {
  const auto tokens = [&](float step) {
    std::vector<float> values;
    for (std::size_t i = 0; i < 6 * model_.embedding_size; ++i) values.push_back(step * float(i % 23) - 1);
    return encode_patches(values, 2, 3);
  };
  Outcome outcome = sample_outcome(1, model_);
  outcome.result.patches = tokens(0.25f);
  store_->commit({{outcome}, {}, {}, {}});
  reopen();
  const std::int64_t row = store_->result("1.2.3.1", model_.model_id)->row;
  EXPECT_EQ(store_->patch_tokens(model_.model_id, row), outcome.result.patches);
  EXPECT_EQ(store_->patch_tokens("another", row), std::nullopt);
  EXPECT_EQ(store_->patch_tokens(model_.model_id, row + 1), std::nullopt);

  put(1);  // the same result again, without tokens: nothing changes
  EXPECT_EQ(store_->patch_tokens(model_.model_id, row), outcome.result.patches);
  outcome.result.embedding[0] = 7;
  outcome.result.patches = tokens(0.5f);
  store_->commit({{outcome}, {}, {}, {}});
  EXPECT_EQ(store_->patch_tokens(model_.model_id, row), outcome.result.patches);
  EXPECT_THAT(store_->verify(), IsEmpty());
  put(1);  // another result, without tokens: those of before would not fit it
  EXPECT_EQ(store_->patch_tokens(model_.model_id, row), std::nullopt);

  store_->commit({{outcome}, {}, {}, {}});
  store_->remove_instance("1.2.3.1");
  EXPECT_EQ(store_->patch_tokens(model_.model_id, row), std::nullopt);
}

TEST_P(StoreContract, RefusesPatchTokensThatAreNone) {
  Outcome outcome = sample_outcome(1, model_);
  const PatchTokens right{1, 2, 0.5f, std::vector<std::int8_t>(2 * model_.embedding_size)};
  for (const auto& spoil : std::vector<std::function<void(PatchTokens&)>>{
           [](PatchTokens& p) { p.rows = 0; }, [](PatchTokens& p) { p.columns = 257; },
           [](PatchTokens& p) { p.codes.pop_back(); }, [](PatchTokens& p) { p.scale = -1; },
           [](PatchTokens& p) { p.scale = std::numeric_limits<float>::infinity(); }}) {
    outcome.result.patches = right;
    spoil(*outcome.result.patches);
    EXPECT_EQ(refusal(outcome), ErrorCode::kInvalidArgument);
  }
  outcome.result.patches = right;
  EXPECT_EQ(store_->commit({{outcome}, {}, {}, {}}).stored, 1u);
}

// ---- odd input ----

TEST_P(StoreContract, RefusesVectorsThatAreNone) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<std::vector<float>> odd{{},
                                            {1, 2},
                                            std::vector<float>(12, 0),
                                            std::vector<float>(12, nan),
                                            std::vector<float>(12, infinity),
                                            std::vector<float>(16001, 1)};
  for (const std::vector<float>& embedding : odd) {
    Outcome outcome = sample_outcome(1, model_);
    outcome.result.embedding = embedding;
    EXPECT_EQ(refusal(outcome), ErrorCode::kInvalidArgument);
    EXPECT_THAT(message_, HasSubstr("embedding"));
  }
  for (const float probability : {-0.1f, 1.1f, nan}) {
    Outcome outcome = sample_outcome(1, model_);
    outcome.result.finding_probabilities[1] = probability;
    EXPECT_EQ(refusal(outcome), ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(store_->instance("1.2.3.1"), std::nullopt);
}

TEST_P(StoreContract, RefusesTextThatIsNone) {
  using namespace std::string_literals;
  for (const std::string& text : {"a\0b"s, "\xff\xfe"s, "\xc3"s, "\xed\xa0\x80"s, "\xc0\x80"s, std::string(257, 'x')}) {
    Outcome outcome = sample_outcome(1, model_);
    outcome.instance.institution = text;
    EXPECT_EQ(refusal(outcome), ErrorCode::kInvalidArgument);
    EXPECT_THAT(message_, HasSubstr("institution"));
    outcome = sample_outcome(1, model_);
    outcome.instance.sop_instance_uid = text;
    EXPECT_EQ(refusal(outcome), ErrorCode::kInvalidArgument);
  }
  Outcome nameless = sample_outcome(1, model_);
  nameless.instance.sop_instance_uid = "";
  EXPECT_EQ(refusal(nameless), ErrorCode::kInvalidArgument);
  Outcome secret = sample_outcome(1, model_);
  secret.instance.patient_key = "Mustermann\xff";
  EXPECT_EQ(refusal(secret), ErrorCode::kInvalidArgument);
  EXPECT_THAT(message_, Not(HasSubstr("Mustermann")));
}

TEST_P(StoreContract, AcceptsWhatIsUnusualButRight) {
  Outcome outcome = sample_outcome(1, model_);
  outcome.instance.sop_instance_uid = std::string(256, '9');
  outcome.instance.institution = "\xe2\x82\xac \xf0\x9f\xa9\xbb $1 ?1 {vector} %s";
  outcome.instance.study_instance_uid = "";
  store_->commit({{outcome}, {}, {}, {}});
  EXPECT_EQ(store_->instance(std::string(256, '9')), outcome.instance);

  ModelRecord large = sample_model("large");
  large.embedding_size = 16000;
  store_->add_model(large);
  put(2, large);
  EXPECT_EQ(store_->result("1.2.3.2", "large")->result, sample_result(2, large));
}

TEST_P(StoreContract, UnknownModelsAreNamed) {
  Outcome outcome = sample_outcome(1, sample_model("unheard-of"));
  EXPECT_EQ(refusal(outcome), ErrorCode::kNotFound);
  EXPECT_THAT(message_, HasSubstr("unheard-of"));
  EXPECT_EQ(capture([&] { return store_->claim({"unheard-of", "me"}); }).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(capture([&] { return store_->changes("unheard-of", 0, 1); }).error().code(), ErrorCode::kNotFound);
}

TEST_P(StoreContract, ABatchHappensWholeOrNotAtAll) {
  Batch batch{{sample_outcome(1, model_), sample_outcome(2, model_)}, {}, {}, CursorAdvance{"server-1", 0, 10}};
  batch.outcomes[1].result.embedding.pop_back();
  EXPECT_FALSE(capture([&] { return store_->commit(batch); }).ok());
  EXPECT_EQ(store_->instance("1.2.3.1"), std::nullopt);
  EXPECT_EQ(store_->cursor("server-1"), 0u);
  EXPECT_EQ(store_->models()[0].last_sequence, 0u);
}

}  // namespace
}  // namespace chexworld::test
