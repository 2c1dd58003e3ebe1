// SPDX-License-Identifier: Apache-2.0
#include "store/sql.h"

#include "base/failure.h"

#include <gtest/gtest.h>

namespace chexworld {
namespace {

TEST(Dialect, ExpandsItsNames) {
  Dialect dialect;
  dialect.id = "SERIAL";
  dialect.as_vector = "::halfvec";
  EXPECT_EQ(dialect.expand("a {id}, $4{as_vector} {strict}"), "a SERIAL, $4::halfvec ");
  EXPECT_EQ(dialect.expand("nothing"), "nothing");
  EXPECT_EQ(dialect.expand(""), "");
}

TEST(SqlRow, AnotherKindOfValueIsAnError) {
  const SqlRow row({std::int64_t(1), std::string("x"), std::monostate{}});
  EXPECT_EQ(row.integer(0), 1);
  EXPECT_TRUE(row.is_null(2));
  EXPECT_EQ(capture([&] { return row.integer(1); }).error().code(), ErrorCode::kMalformed);
  EXPECT_EQ(capture([&] { return row.text(2); }).error().code(), ErrorCode::kMalformed);
}

}  // namespace
}  // namespace chexworld
