// SPDX-License-Identifier: Apache-2.0
#include "worker/result_writer.h"

#include "base/failure.h"
#include "support/temporary_folder.h"
#include "worker/json.h"
#include "worker/pseudonym_key.h"
#include "worker/work_ticket.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <future>
#include <gmock/gmock.h>

namespace chexworld::test {
namespace {

const std::string kModel(64, 'a');

RadiographResult embedded(const std::string& uid, std::vector<float> embedding = {1, 2, 3}) {
  RadiographResult result;
  result.model_id = kModel;
  result.attributes.sop_instance_uid = uid;
  result.gate.view = View::kFrontal;
  result.embedding = std::move(embedding);
  return result;
}

PipelineOutcome outcome_of(Result<RadiographResult> result, const WorkTicket& ticket = {}) {
  return {1, ticket.to_attributes(), std::move(result), {}};
}

WorkTicket at(const std::string& instance) {
  WorkTicket ticket;
  ticket.location = {"server", instance, "", ""};
  return ticket;
}

class ResultWriterTest : public testing::Test {
 protected:
  ResultWriterTest() { store_->add_model({kModel, "model", 3, {}}); }

  std::future<Result<void>> put(const PipelineOutcome& outcome) {
    auto promise = std::make_shared<std::promise<Result<void>>>();
    writer_.put(outcome, [promise](Result<void> result) { promise->set_value(std::move(result)); });
    return promise->get_future();
  }

  TemporaryFolder folder_;
  std::unique_ptr<Store> store_ = open_store((folder_ / "store").string());
  ResultWriter writer_{*store_, [] { return kModel; }, {}};
};

TEST_F(ResultWriterTest, WhatIsDoneIsStored) {
  std::vector<std::future<Result<void>>> done;
  for (int i = 0; i < 200; ++i) done.push_back(put(outcome_of(embedded("1.2." + std::to_string(i)))));
  for (int i = 0; i < 200; ++i) {
    EXPECT_TRUE(done[std::size_t(i)].get().ok());
    const auto stored = store_->result("1.2." + std::to_string(i), kModel);
    ASSERT_TRUE(stored);
    EXPECT_EQ(stored->instance.view, "frontal");
  }
}

TEST_F(ResultWriterTest, AnAbstentionIsStoredInPlaceOfProbabilities) {
  const std::string model(64, 'b');
  store_->add_model({model, "model", 3, {"Effusion"}});
  RadiographResult result = embedded("1.2.7");
  result.model_id = model;
  result.findings = {{"Effusion", {}, 0.5}};
  result.abstained = Abstention{"view-outside", "the view is lateral"};
  put(outcome_of(result)).get().value();
  const auto stored = store_->result("1.2.7", model);
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->result.embedding, (std::vector<float>{1, 2, 3}));
  EXPECT_TRUE(stored->result.finding_probabilities.empty());
  EXPECT_EQ(stored->result.abstained, "view-outside");
  const Json json = to_json(*stored, {"Effusion"}, {{"Effusion", 0.25}});
  EXPECT_EQ(json["abstained"], Json({{"reason", "view-outside"}, {"detail", "the view is lateral"}}));
  EXPECT_EQ(json["findings"], Json::array({{{"name", "Effusion"},
                                            {"state", "abstained"},
                                            {"reason", "view-outside"},
                                            {"probability", nullptr},
                                            {"threshold", 0.25}}}));
}

TEST_F(ResultWriterTest, OneThatIsRefusedTakesNoOtherAlong) {
  auto first = put(outcome_of(embedded("1.1")));
  auto zero = put(outcome_of(embedded("1.2", {0, 0, 0})));
  auto last = put(outcome_of(embedded("1.3")));
  EXPECT_TRUE(first.get().ok());
  EXPECT_EQ(zero.get().error().code(), ErrorCode::kInvalidArgument);
  EXPECT_TRUE(last.get().ok());
  EXPECT_TRUE(store_->result("1.3", kModel));
}

TEST_F(ResultWriterTest, FailuresAreFiledByWhoseFaultTheyAre) {
  put(outcome_of(Error(ErrorCode::kMalformed, "broken"), at("broken"))).get().value();
  put(outcome_of(Error(ErrorCode::kUnavailable, "away"), at("away"))).get().value();
  RadiographResult other = embedded("1.2");
  other.gate.reason = GateReason::kOtherModality;
  put(outcome_of(other, at("other"))).get().value();
  put(outcome_of(Error(ErrorCode::kMalformed, "nobody's"))).get().value();
  std::map<std::string, WorkState> states;
  for (const Trouble& trouble : store_->troubles({}, 100)) states[trouble.location.instance_id] = trouble.state;
  EXPECT_EQ(states, (std::map<std::string, WorkState>{
                        {"broken", WorkState::kParked}, {"away", WorkState::kQueued}, {"other", WorkState::kSkipped}}));
}

TEST_F(ResultWriterTest, MovesTheCursorOnlyWithWhatIsSettled) {
  const auto moving = [](const std::string& instance, std::uint64_t from) {
    WorkTicket ticket = at(instance);
    ticket.cursor = CursorAdvance{"server", from, from + 1};
    return ticket;
  };
  put(outcome_of(embedded("1.1"), moving("a", 0))).get().value();
  EXPECT_EQ(store_->cursor("server"), 1u);
  EXPECT_EQ(put(outcome_of(embedded("1.2"), moving("b", 0))).get().error().code(), ErrorCode::kConflict);
  EXPECT_FALSE(store_->result("1.2", kModel));
  put(outcome_of(Error(ErrorCode::kMalformed, "broken"), moving("c", 1))).get().value();
  EXPECT_EQ(store_->cursor("server"), 2u);
}

TEST_F(ResultWriterTest, KeepsNothingThatIsNotWanted) {
  WorkTicket ticket = at("a");
  ticket.keep = false;
  EXPECT_TRUE(put(outcome_of(embedded("1.1"), ticket)).get().ok());
  EXPECT_FALSE(store_->result("1.1", kModel));
}

TEST_F(ResultWriterTest, ReasonsAreValidTextOfBoundedLength) {
  const std::string reason = std::string(1017, 'x') + "\xc3\xa4\xc3\xa4\xff\xff";
  EXPECT_TRUE(put(outcome_of(Error(ErrorCode::kMalformed, reason), at("a"))).get().ok());
  EXPECT_TRUE(put(outcome_of(Error(ErrorCode::kMalformed, "\xff\xfe name"), at("b"))).get().ok());
}

TEST_F(ResultWriterTest, APictureWithoutUidIsNotStoredButRemembered) {
  EXPECT_EQ(put(outcome_of(embedded(""), at("picture"))).get().error().code(), ErrorCode::kMalformed);
  EXPECT_EQ(put(outcome_of(embedded(""))).get().error().code(), ErrorCode::kMalformed);
  ASSERT_EQ(store_->troubles(WorkState::kParked, 10).size(), 1u);
}

TEST_F(ResultWriterTest, WhatTheStoreRefusesEndsItsClaim) {
  const std::string endless(300, '1');
  int number = 0;
  for (const RadiographResult& refused :
       {embedded(endless), embedded("1.2\xff"), embedded("1.2.3", {0, 0, 0}), embedded("1.2.3", {NAN, 0, 1})}) {
    const std::string instance = "refused-" + std::to_string(number++);
    Batch arrival;
    arrival.arrivals.push_back({at(instance).location, kModel, Priority::kArrival});
    store_->commit(arrival);
    const std::vector<ClaimedWork> claimed = store_->claim({.model_id = kModel, .owner = "test", .most = 1});
    ASSERT_EQ(claimed.size(), 1u);
    WorkTicket ticket = at(instance);
    ticket.lease = claimed[0].lease;
    EXPECT_EQ(put(outcome_of(refused, ticket)).get().error().code(), ErrorCode::kInvalidArgument);
    const std::vector<Trouble> parked = store_->troubles(WorkState::kParked, 10);
    ASSERT_EQ(parked.size(), std::size_t(number)) << instance;
    EXPECT_EQ(parked[0].attempts, 1u);
    EXPECT_EQ(parked[0].reason_code, "malformed");
    EXPECT_FALSE(store_->extend_lease(claimed[0].lease, std::chrono::seconds(1)));
  }
}

TEST_F(ResultWriterTest, OwnResultsLeaveNoTrace) {
  Batch arrival;
  arrival.arrivals.push_back({at("report").location, kModel, Priority::kArrival});
  store_->commit(arrival);
  WorkTicket ticket = at("report");
  ticket.lease = store_->claim({.model_id = kModel, .owner = "test", .most = 1}).at(0).lease;
  RadiographResult own = embedded("2.25.1");
  own.gate.reason = GateReason::kOwnResult;
  EXPECT_TRUE(put(outcome_of(own, ticket)).get().ok());
  EXPECT_TRUE(put(outcome_of(own, at("never-claimed"))).get().ok());
  EXPECT_TRUE(store_->troubles({}, 10).empty());
  EXPECT_EQ(store_->models().at(0).queued, 0u);
}

TEST_F(ResultWriterTest, KeepsClassAndQuality) {
  RadiographResult noted = embedded("1.2.3");
  noted.attributes.sop_class_uid = "1.2.840.10008.5.1.4.1.1.1";
  noted.quality = {QualityNote::kLowContrast, QualityNote::kBurnedInText};
  put(outcome_of(noted)).get().value();
  const StoredResult stored = store_->result("1.2.3", kModel).value();
  EXPECT_EQ(stored.instance.sop_class_uid, noted.attributes.sop_class_uid);
  EXPECT_EQ(stored.result.quality, (std::vector<std::string>{"low-contrast", "burned-in-text"}));
  RadiographResult odd = embedded("1.2.4");
  odd.attributes.sop_class_uid = "no uid";
  put(outcome_of(odd)).get().value();
  EXPECT_EQ(store_->result("1.2.4", kModel)->instance.sop_class_uid, "");
}

TEST(WorkTicket, TravelsAsAttributes) {
  WorkTicket ticket = at("a");
  ticket.location.study_id = "s";
  ticket.lease = Lease{5, 6};
  ticket.cursor = CursorAdvance{"server", 7, 8};
  ticket.keep = false;
  const WorkTicket back = WorkTicket::from_attributes(ticket.to_attributes());
  EXPECT_EQ(back.location, ticket.location);
  EXPECT_EQ(back.lease, ticket.lease);
  EXPECT_EQ(back.cursor->to, 8u);
  EXPECT_FALSE(back.keep);
}

TEST(PseudonymKey, IsMadeOnceAndPrivate) {
  TemporaryFolder folder;
  const std::string key = read_or_make_pseudonym_key(folder / "key");
  EXPECT_EQ(key.size(), 64u);
  EXPECT_EQ(read_or_make_pseudonym_key(folder / "key"), key);
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(folder / "key").permissions(), perms::owner_read | perms::owner_write);
  EXPECT_NE(read_or_make_pseudonym_key(folder / "other"), key);
  std::ofstream(folder / "short") << "secret";
  EXPECT_THROW(read_or_make_pseudonym_key(folder / "short"), Failure);
}

}  // namespace
}  // namespace chexworld::test
