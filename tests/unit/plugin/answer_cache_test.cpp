// SPDX-License-Identifier: Apache-2.0
#include "orthanc-plugin/answer_cache.h"

#include <gtest/gtest.h>

namespace chexworld::plugin {
namespace {

TEST(AnswerCache, SaysWhereAnAnswerIsFromAndHowOldItIs) {
  ManualClock clock;
  AnswerCache cache(1000, clock);
  EXPECT_FALSE(cache.find("/v1/instances/1"));
  cache.keep("/v1/instances/1", R"({"view": "PA"})");
  clock.advance(std::chrono::hours(1));
  const auto answer = cache.find("/v1/instances/1");
  ASSERT_TRUE(answer);
  EXPECT_EQ((*answer)["view"], "PA");
  EXPECT_EQ((*answer)["answered_from"], "cache");
  EXPECT_EQ((*answer)["as_of"], "1970-01-01T00:00:00Z");
}

TEST(AnswerCache, KeepsTheNewestAnswerUntilItIsDropped) {
  AnswerCache cache(1000);
  cache.keep("a", R"({"model_id": "1"})");
  cache.keep("a", R"({"model_id": "2"})");
  EXPECT_EQ((*cache.find("a"))["model_id"], "2");
  cache.drop("a");
  EXPECT_FALSE(cache.find("a"));
  cache.keep("a", "{}");
  cache.clear();
  EXPECT_FALSE(cache.find("a"));
}

TEST(AnswerCache, StaysWithinItsBytesAndDropsWhatWasUsedLongestAgo) {
  const std::string body = R"({"text": ")" + std::string(88, 'x') + "\"}";  // 100 bytes
  ASSERT_EQ(body.size(), 100u);
  AnswerCache cache(303);
  for (const char* target : {"a", "b", "c"}) cache.keep(target, body);
  EXPECT_TRUE(cache.find("a"));
  cache.keep("d", body);
  EXPECT_FALSE(cache.find("b"));
  for (const char* target : {"a", "c", "d"}) EXPECT_TRUE(cache.find(target)) << target;
  cache.keep("huge", R"({"text": ")" + std::string(1000, 'x') + "\"}");
  EXPECT_FALSE(cache.find("huge"));
}

}  // namespace
}  // namespace chexworld::plugin
