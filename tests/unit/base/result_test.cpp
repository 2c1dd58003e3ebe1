// SPDX-License-Identifier: Apache-2.0
#include <chexworld/result.h>

#include "base/failure.h"

#include <gmock/gmock.h>
#include <memory>
#include <system_error>

namespace chexworld {
namespace {

TEST(Result, HoldsAValueOrAnError) {
  const Result<int> good = 3;
  ASSERT_TRUE(good.ok());
  EXPECT_EQ(*good, 3);
  const Result<int> bad = Error(ErrorCode::kNotFound, "no such model");
  EXPECT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().message(), "no such model");
  EXPECT_THROW(bad.value(), Failure);
}

TEST(Result, MovesItsValueOut) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(4);
  const std::unique_ptr<int> taken = std::move(result).value();
  EXPECT_EQ(*taken, 4);
}

TEST(Error, GathersContextOnTheWayUp) {
  const auto result = capture([] {
    within("loading model.safetensors",
           [] { within("tensor head.weight", [] { fail(ErrorCode::kMalformed, "size is not 3072 bytes"); }); });
  });
  EXPECT_EQ(result.error().message(), "loading model.safetensors: tensor head.weight: size is not 3072 bytes");
  EXPECT_EQ(result.error().code(), ErrorCode::kMalformed);
}

TEST(Error, EveryCodeHasANameAnHttpStatusAndAnExitStatus) {
  for (int i = 0; i <= int(ErrorCode::kInternal); ++i) {
    const Error error(ErrorCode(i), "x");
    EXPECT_FALSE(name_of(error.code()).empty());
    EXPECT_GE(error.http_status(), 400);
    EXPECT_EQ(error.exit_status(), error.code() == ErrorCode::kInvalidArgument ? 2 : 1);
  }
  EXPECT_EQ(name_of(ErrorCode::kTooLarge), "too-large");
  EXPECT_EQ(Error(ErrorCode::kTooLarge, "").http_status(), 413);
}

TEST(Capture, TurnsForeignExceptionsIntoErrors) {
  EXPECT_EQ(capture([]() -> int { throw std::bad_alloc(); }).error().code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(capture([] { throw std::system_error(ENOSPC, std::generic_category()); }).error().code(),
            ErrorCode::kResourceExhausted);
  EXPECT_EQ(capture([] { throw std::runtime_error("odd"); }).error().code(), ErrorCode::kInternal);
  EXPECT_EQ(capture([] { throw 3; }).error().code(), ErrorCode::kInternal);
}

}  // namespace
}  // namespace chexworld
