// SPDX-License-Identifier: Apache-2.0
//
// The server as curl and worse clients see it.
#include "service/http.h"

#include "base/failure.h"
#include "base/file.h"
#include "support/process.h"
#include "support/temporary_folder.h"

#include <arpa/inet.h>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace chexworld {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

void echo(HttpRequest request, const HttpReply& reply) {
  Json query = Json::object();
  for (const auto& [key, value] : request.query) query[key] = value;
  reply(json_response(
      {{"method", request.method}, {"path", request.path}, {"query", query}, {"bytes", request.body.size()}}));
}

std::string curl(const HttpServer& server, const std::string& path, std::vector<std::string> options = {}) {
  std::vector<std::string> command{"curl", "--silent", "--include", "--max-time", "20"};
  command.insert(command.end(), options.begin(), options.end());
  const std::string address = server.address();
  if (address.starts_with("unix:")) {
    command.insert(command.end(), {"--unix-socket", address.substr(5), "http://localhost" + path});
  } else {
    command.push_back("http://" + address + path);
  }
  return test::run(command).output;
}

/// Sends bytes as they are and returns all that comes back until the server closes.
std::string send_raw(const HttpServer& server, const std::string& bytes) {
  const FileDescriptor client(socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const std::string text = server.address();
  address.sin_port = htons(std::uint16_t(std::stoi(text.substr(text.rfind(':') + 1))));
  if (connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return "cannot connect";
  if (write(client.get(), bytes.data(), bytes.size()) < 0) return "cannot write";
  std::string answer;
  char block[4096];
  for (ssize_t count; (count = read(client.get(), block, sizeof block)) > 0;) answer.append(block, std::size_t(count));
  return answer;
}

Error error_of(const HttpServerOptions& options) {
  const auto result = capture([&] { HttpServer server(options, echo); });
  return result.ok() ? Error(ErrorCode::kInternal, "no error") : result.error();
}

TEST(HttpServer, AnswersOverTcpAndUnixSocket) {
  test::TemporaryFolder folder;
  HttpServer tcp({}, echo);
  HttpServer local({.listen = "unix:" + (folder / "s").string()}, echo);
  for (const HttpServer* server : {&tcp, &local}) {
    const std::string answer = curl(*server, "/v1/x?k=5", {"--data-binary", "hello"});
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
    const Json body = Json::parse(answer.substr(answer.find("\r\n\r\n")));
    EXPECT_EQ(body, Json({{"method", "POST"}, {"path", "/v1/x"}, {"query", {{"k", "5"}}}, {"bytes", 5}}));
  }
}

TEST(HttpServer, OnlyTheOwnerMayUseItsUnixSocket) {
  test::TemporaryFolder folder;
  const std::filesystem::path path = folder / "s";
  {
    HttpServer server({.listen = "unix:" + path.string()}, echo);
    using std::filesystem::perms;
    EXPECT_EQ(std::filesystem::status(path).permissions(), perms::owner_read | perms::owner_write);
    EXPECT_EQ(error_of({.listen = "unix:" + path.string()}).code(), ErrorCode::kConflict);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(HttpServer, TakesOverASocketFileThatNobodyServes) {
  test::TemporaryFolder folder;
  const std::string path = (folder / "s").string();
  test::run({"python3", "-c", "import socket; socket.socket(socket.AF_UNIX).bind('" + path + "')"});
  ASSERT_TRUE(std::filesystem::is_socket(path));
  HttpServer server({.listen = "unix:" + path}, echo);
  EXPECT_THAT(curl(server, "/"), StartsWith("HTTP/1.1 200"));
}

TEST(HttpServer, KeepsConnectionsAlive) {
  std::atomic<int> requests = 0;
  HttpServer server({.max_connections = 1}, [&](HttpRequest request, const HttpReply& reply) {
    ++requests;
    echo(std::move(request), reply);
  });
  const std::string url = "http://" + server.address() + "/";
  const std::string twice = test::run({"curl", "--silent", "--verbose", url, url}).output;
  EXPECT_EQ(requests, 2);
  EXPECT_THAT(twice, HasSubstr("Re-using existing"));
}

TEST(HttpServer, RequiresItsTokenWhereOthersCanReachIt) {
  const Error error = error_of({.listen = "0.0.0.0:0"});
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.message(), HasSubstr("set a token"));

  HttpServer server({.token = "secret"}, echo);
  EXPECT_THAT(curl(server, "/"), StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(curl(server, "/", {"--header", "Authorization: Bearer secres"}), StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(curl(server, "/", {"--header", "Authorization: Bearer secret"}), StartsWith("HTTP/1.1 200"));
}

TEST(HttpServer, SaysWhatIsWrongWithItsAddress) {
  for (const char* address : {"", "8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999", "nonsense:80", "unix:"})
    EXPECT_EQ(error_of({.listen = address}).code(), ErrorCode::kInvalidArgument) << address;
  HttpServer first({}, echo);
  EXPECT_THAT(error_of({.listen = first.address()}).message(), HasSubstr("in use"));
}

TEST(HttpServer, RefusesBodiesOverTheLimitWithoutReadingThem) {
  HttpServer server({.max_body_bytes = 1000}, echo);
  EXPECT_THAT(curl(server, "/", {"--data-binary", std::string(1000, 'x')}), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(curl(server, "/", {"--data-binary", std::string(1001, 'x')}), HasSubstr("HTTP/1.1 413"));
  EXPECT_THAT(send_raw(server, "POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n"), StartsWith("HTTP/1.1 413"));
}

/// Server options under which POST bodies of up to a million bytes go to files in `folder`.
HttpServerOptions spooling_to(const std::filesystem::path& folder) {
  HttpServerOptions options;
  options.spool_folder = folder;
  options.body_policy = [](const std::string& method, const std::string&) {
    return BodyPolicy{1'000'000, method == "POST"};
  };
  return options;
}

TEST(HttpServer, BodiesGoToFilesWhereTheirPolicySaysSo) {
  test::TemporaryFolder folder;
  std::string seen;
  HttpServer server(spooling_to(folder.path()), [&](const HttpRequest& request, const HttpReply& reply) {
    seen = request.body_file == nullptr ? "in memory" : test::text_of(request.body_file->path());
    reply(json_response({{"bytes", seen.size()}, {"in_memory", request.body.size()}}));
  });
  const std::string body(900'000, 'x');
  for (const char* encoding : {"Content-Length: 900000", "Transfer-Encoding: chunked"}) {
    test::TemporaryFolder source;
    std::ofstream(source / "body") << body;
    EXPECT_THAT(
        curl(server, "/", {"--header", encoding, "--data-binary", "@" + (source / "body").string()}),
        testing::AllOf(HasSubstr("HTTP/1.1 200"), HasSubstr("\"bytes\": 900000"), HasSubstr("\"in_memory\": 0")))
        << encoding;
    EXPECT_EQ(seen, body) << encoding;
  }
  test::TemporaryFolder large;
  std::ofstream(large / "body") << body << body;
  for (const char* encoding : {"Content-Length: 1800000", "Transfer-Encoding: chunked"})
    EXPECT_THAT(curl(server, "/", {"--header", encoding, "--data-binary", "@" + (large / "body").string()}),
                HasSubstr("HTTP/1.1 413"));
  EXPECT_THAT(curl(server, "/", {"--request", "PUT", "--data-binary", "abc"}), HasSubstr("\"bytes\": 9"));
  EXPECT_TRUE(test::wait_until([&] { return std::filesystem::is_empty(folder.path()); }, 5s)) << "body files are left";
}

TEST(HttpServer, AnUploadThatBreaksOffLeavesNoFile) {
  test::TemporaryFolder folder;
  HttpServerOptions options = spooling_to(folder.path());
  options.read_timeout = 200ms;
  std::atomic<int> requests = 0;
  HttpServer server(options, [&](HttpRequest request, const HttpReply& reply) {
    ++requests;
    echo(std::move(request), reply);
  });
  send_raw(server, "POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\nhalf");  // returns when the server gives up
  EXPECT_TRUE(test::wait_until([&] { return std::filesystem::is_empty(folder.path()); }, 5s));
  EXPECT_EQ(requests, 0);
}

TEST(HttpServer, RefusesBodiesBeyondItsMemoryUntilOthersAreAnswered) {
  std::promise<HttpReply> arrived;
  bool first = true;
  HttpServer server({.max_body_bytes = 1000, .max_buffered_bytes = 1500, .threads = 1},
                    [&](HttpRequest request, const HttpReply& reply) {
                      if (!std::exchange(first, false)) return echo(std::move(request), reply);
                      arrived.set_value(reply);
                    });
  auto waiting = std::async(std::launch::async, [&] { return curl(server, "/", {"--data", std::string(900, 'x')}); });
  const HttpReply reply = arrived.get_future().get();
  const std::string refused = curl(server, "/", {"--data", std::string(900, 'x')});
  EXPECT_THAT(refused, testing::AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("Retry-After: 1")));
  EXPECT_THAT(curl(server, "/", {"--data", std::string(500, 'x')}), StartsWith("HTTP/1.1 200"));
  reply(json_response({{"done", true}}));
  EXPECT_THAT(waiting.get(), HasSubstr("done"));
  EXPECT_TRUE(test::wait_until(
      [&] { return curl(server, "/", {"--data", std::string(900, 'x')}).starts_with("HTTP/1.1 200"); }, 5s));
}

TEST(HttpServer, ARefusalArrivesEvenWhileTheBodyIsStillBeingSent) {
  HttpServer server({.max_body_bytes = 1000}, echo);
  test::TemporaryFolder folder;
  std::ofstream(folder / "body") << std::string(20'000'000, 'x');
  for (int i = 0; i < 5; ++i)
    EXPECT_THAT(curl(server, "/", {"--header", "Expect:", "--data-binary", "@" + (folder / "body").string()}),
                StartsWith("HTTP/1.1 413"));
}

TEST(HttpServer, AnswersNonsenseAndSlowClientsAndLivesOn) {
  HttpServer server({.max_header_bytes = 2000, .read_timeout = 200ms, .idle_timeout = 200ms}, echo);
  EXPECT_THAT(send_raw(server, "nonsense\r\n\r\n"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(send_raw(server, std::string("\0\x01\xff", 3) + "\r\n\r\n"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(send_raw(server, "GET /%zz HTTP/1.1\r\nConnection: close\r\n\r\n"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(send_raw(server, "GET / HTTP/1.1\r\nA: " + std::string(3000, 'x') + "\r\n\r\n"),
              StartsWith("HTTP/1.1 413"));
  send_raw(server, "POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf");  // returns when the server gives up
  EXPECT_THAT(curl(server, "/"), StartsWith("HTTP/1.1 200"));
}

TEST(HttpServer, AnswersLaterFromAnotherThread) {
  std::promise<std::thread> started;
  HttpServer server({}, [&](const HttpRequest&, HttpReply reply) {
    started.set_value(std::thread([reply = std::move(reply)] {
      std::this_thread::sleep_for(50ms);
      reply(json_response({{"late", true}}));
      reply(json_response({{"twice", true}}));  // dropped
    }));
  });
  EXPECT_THAT(curl(server, "/"), HasSubstr("late"));
  started.get_future().get().join();
}

TEST(HttpServer, AForgottenReplyIsAnError) {
  HttpServer server({}, [](const HttpRequest&, const HttpReply&) {});
  EXPECT_THAT(curl(server, "/"), StartsWith("HTTP/1.1 500"));
}

TEST(HttpServer, DrainAnswersWhatHasBegunAndClosesTheIdle) {
  std::promise<HttpReply> arrived;
  HttpServer server({.threads = 2}, [&](const HttpRequest&, HttpReply reply) { arrived.set_value(std::move(reply)); });
  auto client = std::async(std::launch::async, [&] { return curl(server, "/"); });
  HttpReply reply = arrived.get_future().get();
  auto drained = std::async(std::launch::async, [&] { return server.drain(10s); });
  std::this_thread::sleep_for(100ms);
  reply(json_response({{"still", "answered"}}));
  EXPECT_TRUE(drained.get());
  EXPECT_THAT(client.get(), HasSubstr("answered"));
  EXPECT_THAT(send_raw(server, "GET / HTTP/1.1\r\n\r\n"), HasSubstr("cannot connect"));
}

TEST(HttpServer, DrainSaysNothingToAnIdleConnection) {
  HttpServer server({}, echo);
  std::string answers;
  std::thread client([&] { answers = send_raw(server, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); });
  std::this_thread::sleep_for(100ms);  // answered by now, and kept
  EXPECT_TRUE(server.drain(10s));
  client.join();
  EXPECT_THAT(answers, StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(answers.find("HTTP/1.1", 1), std::string::npos) << answers;
}

TEST(HttpServer, DrainCutsOffWhatTakesTooLong) {
  HttpReply kept;
  std::promise<void> arrived;
  {
    HttpServer server({}, [&](const HttpRequest&, HttpReply reply) {
      kept = std::move(reply);
      arrived.set_value();
    });
    auto client = std::async(std::launch::async, [&] { return curl(server, "/"); });
    arrived.get_future().wait();
    EXPECT_FALSE(server.drain(50ms));
    // The connection is cut when the server goes; the client sees it then.
  }
  kept(json_response({{"too", "late"}}));  // after the server has gone: harmless
}

TEST(HttpServer, ServesManyAtOnce) {
  HttpServer server({.threads = 2}, echo);
  std::vector<std::future<std::string>> answers;
  for (int i = 0; i < 20; ++i)
    answers.push_back(std::async(std::launch::async,
                                 [&] { return curl(server, "/", {"--data-binary", std::string(100'000, 'x')}); }));
  for (auto& answer : answers) EXPECT_THAT(answer.get(), HasSubstr("\"bytes\": 100000"));
}

}  // namespace
}  // namespace chexworld
