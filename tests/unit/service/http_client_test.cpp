// SPDX-License-Identifier: Apache-2.0
#include "service/http_client.h"

#include "base/failure.h"
#include "base/file.h"
#include "service/http.h"
#include "support/process.h"
#include "support/temporary_folder.h"

#include <gmock/gmock.h>
#include <vector>

namespace chexworld {
namespace {

using testing::HasSubstr;
using testing::Not;

void echo(HttpRequest request, const HttpReply& reply) {
  reply(json_response({{"method", request.method},
                       {"path", request.path},
                       {"authorization", request.headers["authorization"]},
                       {"type", request.headers["content-type"]},
                       {"body", request.body}}));
}

Json body_of(const HttpAnswer& answer) { return Json::parse(answer.body); }

TEST(HttpClient, SpeaksOverTcpAndUnixSockets) {
  const test::TemporaryFolder folder;
  const HttpServer tcp({}, echo), local({.listen = "unix:" + (folder / "s").string()}, echo);
  for (const std::string& url : {"http://" + tcp.address() + "/base/", local.address()}) {
    const HttpClient client(parse_server_url(url), {"u", "p:w", ""});
    const Json got = body_of(client.get("/x%20y"));
    EXPECT_EQ(got["path"], (url.ends_with("/base/") ? "/base/x y" : "/x y"));
    EXPECT_EQ(got["authorization"], "Basic dTpwOnc=");
    const Json posted = body_of(client.post("/q", "{}", "application/json"));
    EXPECT_EQ(posted["method"], "POST");
    EXPECT_EQ(posted["body"], "{}");
    EXPECT_EQ(posted["type"], "application/json");
  }
}

TEST(HttpClient, StreamsFiles) {
  const test::TemporaryFolder folder;
  const HttpServer server({}, [](HttpRequest request, const HttpReply& reply) {
    reply(json_response({{"bytes", request.body.size()}, {"authorization", request.headers["authorization"]}}));
  });
  write_file_atomically(folder / "f", std::string(300'000, 'x'));
  write_file_atomically(folder / "token", "secret\n");
  const HttpClient client(parse_server_url("http://" + server.address()), HttpCredentials::from_file(folder / "token"));
  const Json got = body_of(client.post_file("/", folder / "f", "application/octet-stream"));
  EXPECT_EQ(got["bytes"], 300'000);
  EXPECT_EQ(got["authorization"], "Bearer secret");
}

TEST(HttpClient, SaysWhatWentWrongAndNoSecret) {
  const HttpClient nobody(parse_server_url("http://127.0.0.1:" + std::to_string(test::free_port())), {"u", "hush", ""});
  try {
    nobody.get("/x");
    ADD_FAILURE();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().code(), ErrorCode::kInputOutput);
    EXPECT_THAT(failure.error().message(),
                testing::AllOf(HasSubstr("/x"), HasSubstr("refused"), Not(HasSubstr("hush"))));
  }
  std::vector<HttpReply> unanswered;
  const HttpServer silent({}, [&](HttpRequest, const HttpReply& reply) { unanswered.push_back(reply); });
  const HttpClient impatient(parse_server_url("http://" + silent.address()), {}, {.timeout = std::chrono::seconds(1)});
  try {
    impatient.get("/x");
    ADD_FAILURE();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().code(), ErrorCode::kTimeout);
  }
  const HttpServer server({}, echo);
  const HttpClient narrow(parse_server_url("http://" + server.address()), {}, {.max_body_bytes = 10});
  EXPECT_THROW(narrow.get("/x"), Failure);
}

TEST(HttpClient, KnowsAUrl) {
  const ServerAddress orthanc = parse_server_url("http://pacs.local:8042/orthanc/");
  EXPECT_EQ(orthanc.host, "pacs.local");
  EXPECT_EQ(orthanc.port, "8042");
  EXPECT_EQ(orthanc.base, "/orthanc");
  EXPECT_EQ(parse_server_url("http://[::1]:8042").host, "::1");
  EXPECT_EQ(parse_server_url("http://h").port, "80");
  EXPECT_EQ(parse_server_url("unix:/run/x").unix_socket, "/run/x");
  for (const char* bad : {"", "h:80", "http://", "http://user:pw@h/", "http://h:x", "https://h", "unix:"})
    EXPECT_THROW(parse_server_url(bad), Failure) << bad;
  EXPECT_EQ(percent_encoded("a b/ü"), "a%20b%2F%C3%BC");
}

}  // namespace
}  // namespace chexworld
