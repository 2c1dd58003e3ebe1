// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/failure.h"

#include <gmock/gmock.h>

/// The action ends with a Failure of this code whose message contains `text`.
#define EXPECT_FAILURE(action, expected_code, text)                              \
  do {                                                                           \
    const auto result = ::chexworld::capture([&] { (void)(action); });           \
    ASSERT_FALSE(result.ok()) << "nothing failed";                               \
    EXPECT_EQ(result.error().code(), expected_code) << result.error().message(); \
    EXPECT_THAT(result.error().message(), ::testing::HasSubstr(text));           \
  } while (false)
