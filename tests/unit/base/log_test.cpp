// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <gmock/gmock.h>

namespace chexworld {
namespace {

class LogTest : public testing::Test {
 protected:
  void SetUp() override {
    set_log_sink([this](LogLevel, std::string_view line) { lines_.emplace_back(line); });
  }
  void TearDown() override {
    set_log_sink({});
    set_log_level(LogLevel::kInfo);
  }
  std::vector<std::string> lines_;
};

TEST_F(LogTest, DropsLinesBelowTheLevel) {
  log_debug("hidden");
  log_info("shown");
  set_log_level(LogLevel::kError);
  log_warning("hidden");
  log_error("shown too");
  EXPECT_THAT(lines_, testing::ElementsAre("shown", "shown too"));
}

TEST_F(LogTest, OneEventIsOneLine) {
  log_info("name\n2026-01-01 error forged\x1b[2J");
  EXPECT_THAT(lines_, testing::ElementsAre("name 2026-01-01 error forged [2J"));
}

}  // namespace
}  // namespace chexworld
