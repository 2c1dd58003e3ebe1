// SPDX-License-Identifier: Apache-2.0
#include "service/url.h"

#include <gtest/gtest.h>

namespace chexworld {
namespace {

TEST(RequestTarget, DecodesPathAndQuery) {
  const auto target = parse_target("/a%20b/c?finding=pleural+effusion&k=10&flag&empty=&x=%26");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/a b/c");
  const std::map<std::string, std::string> expected{
      {"finding", "pleural effusion"}, {"k", "10"}, {"flag", ""}, {"empty", ""}, {"x", "&"}};
  EXPECT_EQ(target->query, expected);
}

TEST(RequestTarget, APlusInThePathIsAPlus) { EXPECT_EQ(parse_target("/a+b")->path, "/a+b"); }

TEST(RequestTarget, RefusesWhatIsNoTarget) {
  for (const char* text : {"", "a", "http://x/", "/%", "/%4", "/%zz", "/%00", "/?a=%0", "/?%g1=1", "*"})
    EXPECT_FALSE(parse_target(text)) << text;
}

}  // namespace
}  // namespace chexworld
