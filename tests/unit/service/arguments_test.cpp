// SPDX-License-Identifier: Apache-2.0
#include "service/arguments.h"

#include "base/failure.h"

#include <gmock/gmock.h>

namespace chexworld {
namespace {

using testing::HasSubstr;

HttpRequest request_with(std::map<std::string, std::string> query) {
  HttpRequest request;
  request.query = std::move(query);
  return request;
}

template <class Action>
Error error_of(Action action) {
  const auto result = capture(action);
  return result.ok() ? Error(ErrorCode::kInternal, "no error") : result.error();
}

TEST(Arguments, AreReadByTheirKind) {
  Arguments arguments(request_with({{"k", "10"}, {"wait", "false"}, {"bare", ""}, {"server", "abc"}, {"as", "json"}}));
  EXPECT_EQ(arguments.integer("k", 1, 100), 10);
  EXPECT_EQ(arguments.integer("missing", 1, 100), std::nullopt);
  EXPECT_FALSE(arguments.boolean("wait", true));
  EXPECT_TRUE(arguments.boolean("bare", false));
  EXPECT_TRUE(arguments.boolean("other", true));
  EXPECT_EQ(arguments.text("server"), "abc");
  EXPECT_EQ(arguments.choice("as", "raw", {"raw", "json"}), "json");
  arguments.finish();
}

TEST(Arguments, UnknownOnesAreRefusedWithWhatThereIs) {
  Arguments arguments(request_with({{"wiat", "false"}}));
  arguments.boolean("wait", true);
  const Error error = error_of([&] { arguments.finish(); });
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.message(), testing::AllOf(HasSubstr("'wiat'"), HasSubstr("wait)")));
}

TEST(Arguments, WrongValuesAreRefusedWithoutRepeatingThem) {
  for (const char* value : {"", "x", "1x", "0", "101", "99999999999999999999", "-1", " 5"}) {
    const Error error = error_of([&] { Arguments(request_with({{"k", value}})).integer("k", 1, 100); });
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument) << value;
    EXPECT_THAT(error.message(), HasSubstr("'k' must be a whole number from 1 to 100"));
  }
  for (const char* value : {"yes", "TRUE", "2"}) {
    const Error error = error_of([&] { Arguments(request_with({{"wait", value}})).boolean("wait", true); });
    EXPECT_THAT(error.message(), testing::Not(HasSubstr(value)));
  }
  EXPECT_THAT(error_of([] { Arguments(request_with({{"as", "xml"}})).choice("as", "raw", {"raw", "json"}); }).message(),
              HasSubstr("raw, json"));
}

TEST(JsonBody, MustBeAnObject) {
  const auto body = [](std::string text) {
    HttpRequest request;
    request.body = std::move(text);
    return json_body(request);
  };
  EXPECT_EQ(body(""), Json::object());
  EXPECT_EQ(body("{\"a\": 1}")["a"], 1);
  for (const char* text : {"[]", "5", "{", "nonsense", "\xff"})
    EXPECT_EQ(error_of([&] { body(text); }).http_status() / 100, 4) << text;
}

}  // namespace
}  // namespace chexworld
