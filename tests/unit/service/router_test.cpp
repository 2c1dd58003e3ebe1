// SPDX-License-Identifier: Apache-2.0
#include "service/router.h"

#include "base/failure.h"

#include <gmock/gmock.h>

namespace chexworld {
namespace {

class RouterTest : public testing::Test {
 protected:
  RouterTest() {
    router_.add_direct("GET", "/v1/models", [](const auto&, const auto&) { return json_response({{"list", true}}); });
    router_.add_direct("DELETE", "/v1/models/{id}",
                       [](const auto&, const PathParameters& path) { return json_response({{"id", path.at("id")}}); });
    router_.add_direct("PUT", "/v1/models/active",
                       [](const auto&, const auto&) -> HttpResponse { fail(ErrorCode::kConflict, "still warming"); });
  }
  HttpResponse ask(const std::string& method, const std::string& path) const {
    HttpResponse answer;
    router_.handle({method, path, {}, {}, {}}, [&](HttpResponse response) { answer = std::move(response); });
    return answer;
  }
  Router router_;
};

TEST_F(RouterTest, FindsTheRouteAndItsParameters) {
  EXPECT_EQ(Json::parse(ask("GET", "/v1/models").body)["list"], true);
  EXPECT_EQ(Json::parse(ask("DELETE", "/v1/models/abc").body)["id"], "abc");
}

TEST_F(RouterTest, UnknownPathsAreNamed) {
  for (const char* path : {"/", "/v1", "/v1/models/", "/v1/models/a/b", "/v2/models"}) {
    const HttpResponse response = ask("GET", path);
    EXPECT_EQ(response.status, 404) << path;
    EXPECT_THAT(response.body, testing::HasSubstr(path));
  }
}

TEST_F(RouterTest, WrongMethodsSayWhichAreAllowed) {
  const HttpResponse response = ask("GET", "/v1/models/active");
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(response.headers.at("Allow"), "DELETE, PUT");
}

TEST_F(RouterTest, WhatAHandlerThrowsIsAnErrorResponse) {
  const HttpResponse response = ask("PUT", "/v1/models/active");
  EXPECT_EQ(response.status, 409);
  EXPECT_EQ(Json::parse(response.body)["error"]["code"], "conflict");
}

TEST_F(RouterTest, ListsItsRoutes) {
  EXPECT_THAT(router_.routes(),
              testing::ElementsAre("GET /v1/models", "DELETE /v1/models/{id}", "PUT /v1/models/active"));
}

}  // namespace
}  // namespace chexworld
