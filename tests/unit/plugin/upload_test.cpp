// SPDX-License-Identifier: Apache-2.0
//
// Bodies in pieces over a worker's socket.
#include "orthanc-plugin/worker_client.h"
#include "service/http.h"
#include "support/temporary_folder.h"

#include <fstream>
#include <gmock/gmock.h>

namespace chexworld::plugin {
namespace {

class Upload : public testing::Test {
 protected:
  HttpServerOptions options() const {
    HttpServerOptions options;
    options.listen = "unix:" + socket();
    options.spool_folder = folder_.path();
    options.body_policy = [](const std::string&, const std::string&) { return BodyPolicy{kMostBytes, true}; };
    return options;
  }
  std::string socket() const { return (folder_ / "worker.sock").string(); }
  static WorkerRequest request() {
    return {.method = "POST", .target = "/v1/models?name=x", .content_type = "application/octet-stream"};
  }

  static constexpr std::uint64_t kMostBytes = 8u << 20;
  test::TemporaryFolder folder_;
};

TEST_F(Upload, ArrivesWholeAndIsAnswered) {
  HttpServer server(options(), [](const HttpRequest& request, const HttpReply& reply) {
    const auto bytes = std::filesystem::file_size(request.body_file->path());
    std::ifstream file(request.body_file->path(), std::ios::binary);
    std::string begin(6, ' ');
    file.read(begin.data(), 6);
    HttpResponse response =
        json_response({{"bytes", bytes}, {"begin", begin}, {"name", request.query.at("name")}}, 201);
    response.headers["X-Chexworld-Model"] = "abc";
    response.headers["X-Other"] = "not for others";
    reply(response);
  });
  const auto client = make_socket_client(socket());
  for (const int pieces : {0, 1, 5}) {
    const auto upload = client->upload(request());
    upload->append("begin:");
    for (int i = 0; i < pieces; ++i) upload->append(std::string(1 << 20, char('a' + i)));
    upload->append("");
    const WorkerAnswer answer = upload->finish();
    EXPECT_EQ(answer.status, 201);
    const Json json = Json::parse(answer.body);
    EXPECT_EQ(json["bytes"], 6 + (pieces << 20));
    EXPECT_EQ(json["begin"], "begin:");
    EXPECT_EQ(json["name"], "x");
    EXPECT_EQ(answer.headers, (std::map<std::string, std::string>{{"x-chexworld-model", "abc"}}));
  }
}

TEST_F(Upload, ARefusalOnTheWayIsTheAnswer) {
  HttpServer server(options(), [](const HttpRequest&, const HttpReply& reply) { reply(json_response({}, 201)); });
  const auto client = make_socket_client(socket());
  const auto upload = client->upload(request());
  for (std::uint64_t sent = 0; sent < 2 * kMostBytes; sent += 1 << 20) upload->append(std::string(1 << 20, 'x'));
  EXPECT_EQ(upload->finish().status, 413);
}

TEST_F(Upload, WithoutAWorkerItFailsAtOnce) {
  const auto client = make_socket_client(socket());
  try {
    client->upload(request());
    FAIL() << "there is nobody to upload to";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().code(), ErrorCode::kUnavailable);
  }
}

TEST_F(Upload, GivenUpItLeavesNothing) {
  bool asked = false;
  {
    HttpServer server(options(), [&](const HttpRequest&, const HttpReply& reply) {
      asked = true;
      reply(json_response({}));
    });
    const auto client = make_socket_client(socket());
    client->upload(request())->append("half");
    server.drain(std::chrono::seconds(5));
  }
  EXPECT_FALSE(asked);
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

}  // namespace
}  // namespace chexworld::plugin
