// SPDX-License-Identifier: Apache-2.0
#include "base/base64.h"

#include <gtest/gtest.h>

namespace chexworld {
namespace {

std::string encoded(std::string_view text) { return base64_encoded(std::as_bytes(std::span(text))); }

TEST(Base64, FollowsRfc4648) {  // section 10
  const std::pair<const char*, const char*> kVectors[] = {{"", ""},
                                                          {"f", "Zg=="},
                                                          {"fo", "Zm8="},
                                                          {"foo", "Zm9v"},
                                                          {"foob", "Zm9vYg=="},
                                                          {"fooba", "Zm9vYmE="},
                                                          {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, text] : kVectors) {
    EXPECT_EQ(encoded(plain), text);
    EXPECT_EQ(base64_decoded(text), plain);
  }
}

TEST(Base64, GivesEveryByteBack) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += char(i);
  for (std::size_t cut = 0; cut < 4; ++cut) EXPECT_EQ(base64_decoded(encoded(bytes.substr(cut))), bytes.substr(cut));
}

TEST(Base64, RefusesWhatIsNone) {
  for (const char* text : {"Zg", "Zg=", "Z===", "Zm9v Zm9v...", "Zm9*", "====", "Zg==Zg=="})
    EXPECT_FALSE(base64_decoded(text)) << text;
}

}  // namespace
}  // namespace chexworld
