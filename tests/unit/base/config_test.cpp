// SPDX-License-Identifier: Apache-2.0
#include "base/config.h"

#include "base/failure.h"
#include "base/file.h"
#include "support/temporary_folder.h"

#include <gmock/gmock.h>

namespace chexworld {
namespace {

using testing::HasSubstr;

template <class Action>
Error error_of(Action action) {
  const auto result = capture(action);
  return result.ok() ? Error(ErrorCode::kInternal, "no error") : result.error();
}

TEST(Config, JsonAndTomlGiveTheSameObject) {
  const Json json =
      parse_json(R"({"name": "a", "n": 3, "x": 0.5, "on": true, "list": ["p", "q"], "deep": {"k": 1}})", "j");
  const Json toml = parse_toml("name='a'\nn=3\nx=0.5\non=true\nlist=['p','q']\n[deep]\nk=1\n", "t");
  EXPECT_EQ(json, toml);
}

TEST(Config, SyntaxErrorsNameThePlace) {
  EXPECT_THAT(error_of([] { parse_json("{\n  \"a\": 1,\n  oops\n}", "file.json"); }).message(),
              HasSubstr("file.json: not valid JSON at line 3, column 3"));
  EXPECT_THAT(error_of([] { parse_toml("a = 1\nb = \n", "file.toml"); }).message(),
              HasSubstr("file.toml: not valid TOML at line 2"));
}

TEST(Config, ReadsFilesByExtension) {
  test::TemporaryFolder folder;
  write_file_atomically(folder / "a.toml", "x = 1");
  write_file_atomically(folder / "a.json", R"({"x": 1})");
  write_file_atomically(folder / "a.ini", "x=1");
  EXPECT_EQ(read_config_file(folder / "a.toml"), read_config_file(folder / "a.json"));
  EXPECT_EQ(error_of([&] { read_config_file(folder / "a.ini"); }).code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(error_of([&] { read_config_file(folder / "none.json"); }).code(), ErrorCode::kNotFound);
}

TEST(ConfigReader, TakesValuesAndFallsBack) {
  ConfigReader reader(parse_json(R"({"n": 3, "x": 2, "s": "t", "b": true, "deep": {"k": 1}})", "j"), "j");
  EXPECT_EQ(reader.integer("n", 9, {0, 10}), 3);
  EXPECT_EQ(reader.number("x", 9, {0, 10}), 2.0);
  EXPECT_EQ(reader.text("s", ""), "t");
  EXPECT_TRUE(reader.boolean("b", false));
  EXPECT_EQ(reader.integer("absent", 9, {0, 10}), 9);
  ConfigReader deep = reader.section("deep");
  EXPECT_EQ(deep.integer("k", 0, {0, 5}), 1);
  deep.finish();
  reader.finish();
}

TEST(ConfigReader, UnknownKeyIsNamedWithTheNearestKnownOne) {
  ConfigReader reader(parse_json(R"({"bach_size": 3})", "j"), "train.toml");
  reader.integer("batch_size", 1, {1, 9});
  const Error error = error_of([&] { reader.finish(); });
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(error.exit_status(), 2);
  EXPECT_EQ(error.message(), "train.toml: unknown key 'bach_size' (did you mean 'batch_size'?)");
}

TEST(ConfigReader, WrongValuesAreNamedWithWhatIsAllowed) {
  const Json json = parse_json(R"({"n": 11, "x": "much", "c": "red", "big": 18446744073709551615, "nan": null})", "j");
  ConfigReader reader(json, "f");
  EXPECT_EQ(error_of([&] { reader.integer("n", 0, {0, 10}); }).message(),
            "f: 'n' must be a whole number from 0 to 10, not 11");
  EXPECT_EQ(error_of([&] { reader.number("x", 0, {0, 1}); }).message(),
            "f: 'x' must be a number from 0 to 1, not \"much\"");
  EXPECT_EQ(error_of([&] { reader.choice("c", "", {"blue", "green"}); }).message(),
            "f: 'c' must be one of blue, green, not \"red\"");
  EXPECT_EQ(error_of([&] { reader.integer("big", 0, {0, 10}); }).code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(error_of([&] { reader.boolean("nan", true); }).code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(error_of([&] { ConfigReader(Json::array(), "f"); }).code(), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace chexworld
