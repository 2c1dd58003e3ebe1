// SPDX-License-Identifier: Apache-2.0
//
// docs/openapi-plugin.yaml and docs/plugin.md name every route that the plugin registers, and no others.
#include "orthanc-plugin/routes.h"
#include "made_orthanc.h"
#include "support/openapi.h"
#include "support/process.h"
#include "support/temporary_folder.h"

#include <gmock/gmock.h>
#include <regex>

namespace chexworld::plugin {
namespace {

using test::MadeAnswer;
using Names = std::set<std::string>;

class Routes : public testing::Test {
 protected:
  Routes() { register_routes(OrthancHost(orthanc_.context()), service_); }
  ~Routes() override { withdraw_routes(); }

  static Settings settings_in(const test::TemporaryFolder& folder) {
    Settings settings;
    settings.folder = folder.path();
    return settings;
  }

  /// "GET /instances/{}/chexworld": what is captured has no name in a pattern.
  Names registered() {
    Names routes;
    for (const std::string& pattern : orthanc_.patterns()) {
      const std::string path = std::regex_replace(pattern, std::regex(R"(\(\[\^/\]\*\))"), "{}");
      for (const char* method : {"GET", "POST", "PUT", "DELETE"}) {
        const std::string example = std::regex_replace(path, std::regex(R"(\{\})"), "some-id");
        if (orthanc_.call(method, example).status != 405) routes.insert(std::string(method) + " " + path);
      }
    }
    return routes;
  }

  static Names nameless(const Names& routes) {
    Names result;
    for (const std::string& route : routes)
      result.insert(std::regex_replace(route, std::regex(R"(\{[a-z-]+\})"), "{}"));
    return result;
  }

  test::TemporaryFolder folder_;
  test::MadeOrthanc orthanc_;
  Service service_{OrthancHost(orthanc_.context()), settings_in(folder_)};
};

TEST_F(Routes, OpenApiHasEachRoute) {
  EXPECT_EQ(nameless(test::openapi_routes(test::text_of(CHEXWORLD_DOCS "/openapi-plugin.yaml"))), registered());
}

TEST_F(Routes, OpenApiDefinesWhatItRefersTo) {
  const std::string yaml = test::text_of(CHEXWORLD_DOCS "/openapi-plugin.yaml");
  const std::regex reference(R"(#/components/[a-z]+/([A-Za-z]+))");
  for (std::sregex_iterator match(yaml.begin(), yaml.end(), reference), end; match != end; ++match)
    EXPECT_THAT(yaml, testing::HasSubstr("\n    " + (*match)[1].str() + ":")) << (*match)[1];
}

TEST_F(Routes, ThePageOfThePluginHasARowForEachRoute) {
  const std::string text = test::text_of(CHEXWORLD_DOCS "/plugin.md");
  const std::regex row(R"(\n\| ((?:`(?:GET|POST|PUT|DELETE)[^`]*`(?:, )?)+) \|)");
  Names described;
  for (std::sregex_iterator match(text.begin(), text.end(), row), end; match != end; ++match) {
    std::string cell = (*match)[1], path;
    const std::regex part(R"(`([A-Z]+)(?: (/[^`?]*))?[^`]*`)");  // "`GET /path?query`, `POST`": one path
    for (std::sregex_iterator one(cell.begin(), cell.end(), part); one != end; ++one) {
      if ((*one)[2].matched) path = (*one)[2];
      described.insert((*one)[1].str() + " " + path);
    }
  }
  EXPECT_EQ(nameless(described), registered());
}

TEST_F(Routes, WithoutAWorkerTheyAnswer503WithAReason) {
  for (const auto& [method, path] : {std::pair("GET", "/chexworld/models"),
                                     {"POST", "/chexworld/models"},
                                     {"GET", "/chexworld/failures"},
                                     {"DELETE", "/chexworld/models/abc"}}) {
    const MadeAnswer answer = orthanc_.call(method, path);
    EXPECT_EQ(answer.status, 503) << method << path;
    EXPECT_EQ(answer.headers.at("Retry-After"), "5");
    const Json json = Json::parse(answer.body);
    EXPECT_EQ(json.at("error").at("code"), "unavailable");
    EXPECT_THAT(json.at("error").at("message").get<std::string>(), testing::HasSubstr("no connection to the worker"));
  }
  const Json status = Json::parse(orthanc_.call("GET", "/chexworld/status").body);
  EXPECT_EQ(status.at("worker").at("state"), "down");
}

TEST_F(Routes, WhatOrthancDoesNotHoldIs404AndAStoppingPluginIs503) {
  EXPECT_EQ(orthanc_.call("GET", "/instances/x/chexworld").status, 404);
  EXPECT_EQ(orthanc_.call("GET", "/studies/x/chexworld/similar").status, 404);
  withdraw_routes();
  for (const char* path : {"/chexworld/status", "/instances/x/chexworld"})
    EXPECT_EQ(orthanc_.call("GET", path).status, 503) << path;
  EXPECT_EQ(orthanc_.call("POST", "/chexworld/models").status, 503);
}

TEST_F(Routes, TheRootNamesWhatIsBelow) {
  EXPECT_EQ(Json::parse(orthanc_.call("GET", "/chexworld").body),
            Json({"backfill", "failures", "models", "openapi.yaml", "pages", "search", "status", "write-back"}));
}

}  // namespace
}  // namespace chexworld::plugin
