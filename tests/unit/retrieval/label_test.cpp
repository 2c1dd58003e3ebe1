// SPDX-License-Identifier: Apache-2.0
#include "archive.h"

#include <functional>
#include <set>

namespace chexworld::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class LabelSearch : public Archive {
 protected:
  static constexpr int kLast = 300;

  void SetUp() override {
    Archive::SetUp();
    store(1, kLast);
    open_caught_up();
  }

  void label(int number, std::vector<Label> labels) {
    const Labelling labelling{{LabelLevel::kInstance, uid(number)}, std::move(labels), true};
    ASSERT_THAT(store_->label({&labelling, 1}).unknown, IsEmpty());
  }

  void label_every(int step, int first, const Label& label) {
    std::vector<Labelling> labellings;
    for (int number = first; number <= kLast; number += step)
      labellings.push_back({{LabelLevel::kInstance, uid(number)}, {label}, false});
    store_->label(labellings);
  }

  std::set<std::string> found(const std::vector<ResultFilter::Labelled>& labels, std::size_t k = kLast) {
    SearchRequest request = like(uid(1), k);
    request.include_examples = true;
    request.filter.labels = labels;
    const std::vector<std::string> all = uids(answer(request));
    return {all.begin(), all.end()};
  }

  std::set<std::string> numbers(const std::function<bool(int)>& condition) const {
    std::set<std::string> all;
    for (int number = 1; number <= kLast; ++number)
      if (condition(number)) all.insert(uid(number));
    return all;
  }
};

TEST_F(LabelSearch, FindsExactlyWhatIsLabelledSo) {
  label_every(7, 7, {"nodule", "yes", "report"});
  label_every(7, 8, {"nodule", "no", "report"});
  label_every(5, 5, {"device", "", ""});
  retrieval_->catch_up();
  EXPECT_THAT(retrieval_->verify(), IsEmpty());
  EXPECT_EQ(found({{"nodule", "yes"}}), numbers([](int n) { return n % 7 == 0; }));
  EXPECT_EQ(found({{"nodule", std::nullopt}}), numbers([](int n) { return n % 7 == 0 || (n % 7 == 1 && n > 1); }));
  EXPECT_EQ(found({{"nodule", "yes"}, {"device", ""}}), numbers([](int n) { return n % 35 == 0; }));
  EXPECT_THAT(found({{"nodule", "perhaps"}}), IsEmpty());
  SearchRequest request = like(uid(1));
  request.filter.labels = {{"nodul", "yes"}};
  EXPECT_EQ(refusal([&] { retrieval_->search(request); }), ErrorCode::kNotFound);
  EXPECT_EQ(refusal([&] { search_store(*store_, request); }), ErrorCode::kNotFound);
}

TEST_F(LabelSearch, HitsCarryTheirLabels) {
  const Label yes{"nodule", "yes", "report"};
  label(12, {yes});
  const SearchReply reply = retrieval_->search([&] {
    SearchRequest request = like(uid(12), 1);
    request.include_examples = true;
    return request;
  }());
  ASSERT_THAT(reply.hits, SizeIs(1));
  ASSERT_THAT(reply.hits[0].result.labels, SizeIs(1)) << "also before the index has heard of them";
  EXPECT_EQ(reply.hits[0].result.labels[0].label, yes);
}

TEST_F(LabelSearch, ChangingLabelsKeepsPlacesAndFollowsAtOnce) {
  label(20, {{"nodule", "yes", ""}});
  label(21, {{"nodule", "yes", ""}});
  retrieval_->catch_up();
  EXPECT_EQ(found({{"nodule", "yes"}}), (std::set<std::string>{uid(20), uid(21)}));
  label(20, {{"nodule", "no", ""}});
  EXPECT_EQ(found({{"nodule", "yes"}}), std::set<std::string>{uid(21)}) << "the index lags, the store decides";
  retrieval_->catch_up();
  EXPECT_EQ(found({{"nodule", "no"}}), std::set<std::string>{uid(20)});
  store_->remove_instance(uid(21));
  EXPECT_THAT(found({{"nodule", "no"}}), SizeIs(1));
  retrieval_->catch_up();
  EXPECT_THAT(retrieval_->verify(), IsEmpty());
}

TEST_F(LabelSearch, AStudysLabelsHoldForItsImages) {
  const Labelling labelling{
      {LabelLevel::kStudy, sample_instance(8).study_instance_uid}, {{"nodule", "yes", ""}}, false};
  store_->label({&labelling, 1});
  retrieval_->catch_up();
  EXPECT_EQ(found({{"nodule", "yes"}}), (std::set<std::string>{uid(8), uid(9)}));
}

TEST_F(LabelSearch, RareLabelsThatShareACodeAreStillToldApart) {
  std::vector<Label> common;
  for (int i = 0; i < LabelCode::kShared; ++i) common.push_back({"common " + std::to_string(i), "", ""});
  label(1, common);
  label_every(2, 2, {"rare", "even", ""});
  label(7, {{"rare", "seven", ""}});
  retrieval_->catch_up();
  const auto codes = store_->label_codes();
  ASSERT_EQ(std::count_if(codes.begin(), codes.end(), [](const LabelCode& c) { return c.code == LabelCode::kShared; }),
            2);
  EXPECT_EQ(found({{"rare", "seven"}}, 1), std::set<std::string>{uid(7)});
  EXPECT_EQ(found({{"rare", "even"}}), numbers([](int n) { return n % 2 == 0; }));
  EXPECT_EQ(found({{"common 62", std::nullopt}}), std::set<std::string>{uid(1)});
}

TEST_F(LabelSearch, AnIndexFilledAnewKnowsThem) {
  label(33, {{"nodule", "yes", ""}});
  retrieval_.reset();
  std::filesystem::remove_all(folder_ / "indexes");
  open_caught_up();
  EXPECT_EQ(found({{"nodule", "yes"}}), std::set<std::string>{uid(33)});
}

// More rows pass in the index than it returns at most, and nearly all are refused: the store is read then.
TEST_F(LabelSearch, ARareLabelAmongTenThousandOfItsCodeIsFound) {
  constexpr int kMany = 10'400;
  store(kLast + 1, kMany);
  std::vector<Label> common;
  for (int i = 0; i < LabelCode::kShared; ++i) common.push_back({"common " + std::to_string(i), "", ""});
  label(1, common);
  std::vector<Labelling> labellings;
  for (int number = 2; number <= kMany; ++number)
    labellings.push_back(
        {{LabelLevel::kInstance, uid(number)}, {{"rare", number % 4000 == 0 ? "few" : "many", ""}}, false});
  store_->label(labellings);
  retrieval_->catch_up();
  EXPECT_EQ(found({{"rare", "few"}}, 10), (std::set<std::string>{uid(4000), uid(8000)}));
}

}  // namespace
}  // namespace chexworld::test
