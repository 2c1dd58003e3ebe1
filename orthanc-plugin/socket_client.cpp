// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/failure.h"
#include "orthanc-plugin/worker_client.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <mutex>
#include <optional>
#include <vector>

namespace chexworld::plugin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using SteadyClock = std::chrono::steady_clock;
using boost::system::error_code;

constexpr std::chrono::milliseconds kSlice{50};  // how soon an abort is noticed
constexpr std::uint64_t kMostAnswerBytes = 1ull << 30;

/// One connection with an event loop of its own; used by one thread at a time.
class Connection {
 public:
  Connection(const std::string& socket_path, const std::atomic<bool>& aborted)
      : endpoint_(socket_path), aborted_(aborted), socket_(loop_) {}

  bool used() const { return used_; }
  /// Whether the other end will take another request.
  bool reusable() const { return reusable_; }

  WorkerAnswer call(const WorkerRequest& request) {
    deadline_ = SteadyClock::now() + request.time_limit;
    if (!socket_.is_open()) finish([&](auto done) { socket_.async_connect(endpoint_, done); });
    used_ = true;
    reusable_ = false;
    http::request<http::span_body<const char>> message(http::string_to_verb(request.method), request.target, 11);
    message.set(http::field::host, "worker");
    if (!request.body.empty()) message.set(http::field::content_type, request.content_type);
    if (!request.accept.empty()) message.set(http::field::accept, request.accept);
    message.body() = beast::span<const char>(request.body.data(), request.body.size());
    message.prepare_payload();
    finish([&](auto done) {
      http::async_write(socket_, message, [done](error_code error, std::size_t) { done(error); });
    });
    return answer();
  }

  // ---- a body in pieces: begin, append..., end ----

  void begin(const WorkerRequest& request) {
    step_limit_ = request.time_limit;
    extend_deadline();
    finish([&](auto done) { socket_.async_connect(endpoint_, done); });
    http::request<http::empty_body> message(http::string_to_verb(request.method), request.target, 11);
    message.set(http::field::host, "worker");
    message.set(http::field::content_type, request.content_type);
    message.chunked(true);
    http::request_serializer<http::empty_body> serializer(message);
    finish([&](auto done) {
      http::async_write_header(socket_, serializer, [done](error_code error, std::size_t) { done(error); });
    });
  }

  void append(std::string_view piece) {
    extend_deadline();
    finish([&](auto done) {
      asio::async_write(socket_, http::make_chunk(asio::buffer(piece)),
                        [done](error_code error, std::size_t) { done(error); });
    });
  }

  void end() {
    extend_deadline();
    finish([&](auto done) {
      asio::async_write(socket_, http::make_chunk_last(), [done](error_code error, std::size_t) { done(error); });
    });
  }

  WorkerAnswer answer() {
    http::response_parser<http::string_body> parser;
    parser.body_limit(kMostAnswerBytes);
    finish([&](auto done) {
      http::async_read(socket_, buffer_, parser, [done](error_code error, std::size_t) { done(error); });
    });
    reusable_ = parser.get().keep_alive();
    WorkerAnswer answer{int(parser.get().result_int()), std::string(parser.get()[http::field::content_type]),
                        std::move(parser.get().body())};
    for (const auto& field : parser.get()) {
      std::string name(field.name_string());
      std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return char(std::tolower(c)); });
      if (passes_on(name)) answer.headers[name] = std::string(field.value());
    }
    return answer;
  }

 private:
  void extend_deadline() { deadline_ = SteadyClock::now() + step_limit_; }

  /// Starts an operation and runs the loop until it is done, the time is over, or everything is given up.
  template <class Start>
  void finish(Start start) {
    bool finished = false;
    error_code outcome;
    start([&](error_code error) {
      finished = true;
      outcome = error;
    });
    loop_.restart();
    while (!finished && !aborted_ && SteadyClock::now() < deadline_) loop_.run_one_for(kSlice);
    if (!finished) give_up();
    if (outcome) fail(ErrorCode::kUnavailable, "no connection to the worker: " + outcome.message());
  }

  [[noreturn]] void give_up() {
    error_code ignored;
    socket_.close(ignored);
    loop_.restart();
    loop_.run();  // the operation ends with an error, while what it refers to is still there
    if (aborted_) fail(ErrorCode::kCancelled, "the plugin is stopping");
    fail(ErrorCode::kTimeout, "the worker did not answer in time");
  }

  const asio::local::stream_protocol::endpoint endpoint_;
  const std::atomic<bool>& aborted_;
  asio::io_context loop_;
  asio::local::stream_protocol::socket socket_;
  beast::flat_buffer buffer_;
  SteadyClock::time_point deadline_;
  std::chrono::milliseconds step_limit_{0};
  bool used_ = false;
  bool reusable_ = false;
};

class SocketUpload final : public WorkerUpload {
 public:
  SocketUpload(const std::string& socket_path, const std::atomic<bool>& aborted, const WorkerRequest& request)
      : connection_(socket_path, aborted) {
    connection_.begin(request);
  }

  void append(std::string_view piece) override {
    if (!piece.empty()) step([&] { connection_.append(piece); });
  }

  WorkerAnswer finish() override {
    step([&] { connection_.end(); });
    // A worker that refuses (no room, not allowed) answers before it has everything, and listens no more.
    Result<WorkerAnswer> answer = capture([&] { return connection_.answer(); });
    if (!answer.ok() && failed_) throw Failure(*failed_);
    return std::move(answer).value();
  }

 private:
  template <class Step>
  void step(Step take) {
    if (failed_) return;
    const Result<void> taken = capture(take);
    if (!taken.ok()) failed_ = taken.error();
  }

  Connection connection_;
  std::optional<Error> failed_;
};

class SocketClient final : public WorkerClient {
 public:
  explicit SocketClient(std::string socket_path) : socket_path_(std::move(socket_path)) {}

  Result<WorkerAnswer> call(const WorkerRequest& request) override {
    return capture([&] {
      if (aborted_) fail(ErrorCode::kCancelled, "the plugin is stopping");
      std::unique_ptr<Connection> connection = take();
      const bool kept = connection->used();
      Result<WorkerAnswer> answer = capture([&] { return connection->call(request); });
      // A kept connection may have been closed meanwhile; everything we send may be sent twice.
      if (!answer.ok() && kept && answer.error().code() == ErrorCode::kUnavailable) {
        connection = std::make_unique<Connection>(socket_path_, aborted_);
        answer = capture([&] { return connection->call(request); });
      }
      if (connection->reusable()) keep(std::move(connection));
      return std::move(answer).value();
    });
  }

  std::unique_ptr<WorkerUpload> upload(const WorkerRequest& request) override {
    if (aborted_) fail(ErrorCode::kCancelled, "the plugin is stopping");
    return std::make_unique<SocketUpload>(socket_path_, aborted_, request);
  }

  void abort() override { aborted_ = true; }

 private:
  std::unique_ptr<Connection> take() {
    const std::scoped_lock lock(mutex_);
    if (idle_.empty()) return std::make_unique<Connection>(socket_path_, aborted_);
    std::unique_ptr<Connection> connection = std::move(idle_.back());
    idle_.pop_back();
    return connection;
  }

  void keep(std::unique_ptr<Connection> connection) {
    const std::scoped_lock lock(mutex_);
    idle_.push_back(std::move(connection));
  }

  const std::string socket_path_;
  std::atomic<bool> aborted_ = false;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Connection>> idle_;  // guarded by mutex_
};

}  // namespace

std::unique_ptr<WorkerClient> make_socket_client(const std::string& socket_path) {
  return std::make_unique<SocketClient>(socket_path);
}

}  // namespace chexworld::plugin
