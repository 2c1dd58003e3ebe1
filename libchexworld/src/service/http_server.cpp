// SPDX-License-Identifier: Apache-2.0
//
// One coroutine per connection on a strand of its own; the threads of the io_context move them all.
#include "base/failure.h"
#include "base/log.h"
#include "service/exchange.h"
#include "service/http.h"
#include "service/listen_address.h"
#include "service/url.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/http/file_body.hpp>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>
#include <unistd.h>

namespace chexworld {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace {

using Protocol = asio::generic::stream_protocol;  // TCP and Unix sockets alike
using Stream = beast::basic_stream<Protocol>;
using boost::system::error_code;

bool same_in_constant_time(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) difference |= unsigned(a[i] ^ b[i]);
  return difference == 0;
}

HttpRequest to_request(const http::request_header<>& head, RequestTarget target) {
  HttpRequest request;
  request.method = std::string(head.method_string());
  request.path = std::move(target.path);
  request.query = std::move(target.query);
  for (const auto& field : head) {
    std::string name(field.name_string());
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
    request.headers[name] = std::string(field.value());
  }
  return request;
}

http::response<http::string_body> to_message(HttpResponse&& response, unsigned http_version, bool keep_alive) {
  http::response<http::string_body> message(http::status(response.status), http_version);
  message.set(http::field::content_type, response.content_type);
  for (const auto& [name, value] : response.headers) message.set(name, value);
  message.keep_alive(keep_alive);
  message.body() = std::move(response.body);
  message.prepare_payload();
  return message;
}

/// Only the head is parsed with it; how the body is taken depends on what the head says.
using HeadParser = http::request_parser<http::empty_body>;

HttpResponse refusal_of(const error_code& error, std::uint64_t max_body_bytes) {
  if (error == beast::error::timeout)
    return error_response({ErrorCode::kTimeout, "the request did not arrive in time"});
  if (error == http::error::body_limit)
    return error_response(
        {ErrorCode::kTooLarge, "the body is larger than " + std::to_string(max_body_bytes) + " bytes"});
  if (error == http::error::header_limit) return error_response({ErrorCode::kTooLarge, "the header is too large"});
  if (error == boost::system::errc::no_space_on_device)
    return error_response({ErrorCode::kResourceExhausted, "the disk is full: free space, then try again"});
  return error_response({ErrorCode::kInvalidArgument, "not a valid HTTP request: " + error.message()});
}

/// A share of the memory that bodies may take, given back at its end.
class MemoryShare {
 public:
  MemoryShare(std::atomic<std::uint64_t>& used, std::uint64_t bytes) : used_(used), bytes_(bytes) { used_ += bytes_; }
  ~MemoryShare() { used_ -= bytes_; }
  MemoryShare(const MemoryShare&) = delete;
  MemoryShare& operator=(const MemoryShare&) = delete;

 private:
  std::atomic<std::uint64_t>& used_;
  const std::uint64_t bytes_;
};

struct Connection {
  explicit Connection(Protocol::socket socket) : stream(std::move(socket)) {}
  Stream stream;
  beast::flat_buffer buffer;
  bool busy = false;  // a request has begun and is not answered yet; only on the connection's strand
};

}  // namespace

class HttpServer::State {
 public:
  State(HttpServerOptions options, HttpHandler handler)
      : options_(std::move(options)), handler_(std::move(handler)), io_(std::max(1, options_.threads)), acceptor_(io_) {
    const ListenAddress address = parse_listen_address(options_.listen);
    if (options_.token.empty() && !address.is_private())
      fail(ErrorCode::kInvalidArgument,
           "listening on " + options_.listen + " lets other machines in: set a token, or listen on loopback");
    listen(address);
    asio::co_spawn(acceptor_.get_executor(), accept_all(), asio::detached);
    for (int i = 0; i < std::max(1, options_.threads); ++i) threads_.emplace_back([this] { io_.run(); });
  }

  const std::string& address() const { return address_; }

  bool drain(std::chrono::milliseconds patience) {
    const std::lock_guard once(drain_mutex_);
    if (drained_) return *drained_;
    begin_draining();
    std::unique_lock lock(mutex_);
    const bool complete = all_closed_.wait_for(lock, patience, [&] { return connections_.empty(); });
    lock.unlock();
    io_.stop();
    for (std::thread& thread : threads_) thread.join();
    error_code ignored;
    for (const Shared& connection : connections_)
      connection->stream.socket().close(ignored);  // cut off: say so to the peer
    if (!socket_file_.empty()) std::filesystem::remove(socket_file_);
    drained_ = complete;
    return complete;
  }

 private:
  using Shared = std::shared_ptr<Connection>;
  static constexpr std::chrono::milliseconds kLinger{2000};
  static constexpr std::uint64_t kMostIgnoredBytes = 64u << 20;

  void listen(const ListenAddress& address) {
    within("listening on " + options_.listen, [&] {
      address.prepare();
      acceptor_.open(address.protocol());
      if (!address.is_unix()) acceptor_.set_option(asio::socket_base::reuse_address(true));
      address.bind(acceptor_.native_handle());
      acceptor_.listen();
    });
    address_ = address.bound_name(acceptor_.native_handle());
    socket_file_ = address.socket_file();
  }

  asio::awaitable<void> accept_all() {
    for (;;) {
      error_code error;
      Protocol::socket socket(asio::make_strand(io_));
      co_await acceptor_.async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
      if (error == asio::error::operation_aborted || !acceptor_.is_open()) co_return;
      if (error) {  // out of descriptors, say: serving what we have comes first
        co_await pause(std::chrono::milliseconds(50));
        continue;
      }
      if (auto connection = admit(std::move(socket))) {
        auto executor = connection->stream.get_executor();
        asio::co_spawn(executor, serve(std::move(connection)), asio::detached);
      }
    }
  }

  asio::awaitable<void> pause(std::chrono::milliseconds duration) {
    asio::steady_timer timer(io_, duration);
    co_await timer.async_wait(asio::use_awaitable);
  }

  /// Null when there are too many already, or none are wanted any more: the socket closes.
  Shared admit(Protocol::socket socket) {
    const std::lock_guard lock(mutex_);
    if (draining_ || int(connections_.size()) >= options_.max_connections) return nullptr;
    auto connection = std::make_shared<Connection>(std::move(socket));
    connections_.insert(connection);
    return connection;
  }

  asio::awaitable<void> serve(Shared connection) {
    try {
      while (co_await serve_one(*connection)) {
      }
    } catch (const boost::system::system_error&) {
      // The peer went away or was too slow: nobody is left to tell.
    } catch (const std::exception& error) {
      log_error("serving a connection: " + std::string(error.what()));
    }
    error_code ignored;
    connection->stream.socket().shutdown(asio::socket_base::shutdown_both, ignored);
    connection->stream.close();
    const std::lock_guard lock(mutex_);
    connections_.erase(connection);
    if (connections_.empty()) all_closed_.notify_all();
  }

  /// One request and its answer; whether the connection goes on.
  asio::awaitable<bool> serve_one(Connection& connection) {
    HeadParser head;
    head.header_limit(std::uint32_t(options_.max_header_bytes));
    head.body_limit(boost::none);  // known only when the head is
    error_code error;
    connection.stream.expires_after(options_.idle_timeout);
    co_await http::async_read_header(connection.stream, connection.buffer, head,
                                     asio::redirect_error(asio::use_awaitable, error));
    // Nobody has asked anything yet: an answer would be taken for that of the next request.
    if (error == http::error::end_of_stream || error == asio::error::operation_aborted ||
        error == beast::error::timeout)
      co_return false;
    connection.busy = true;
    if (error) co_return co_await refuse(connection, refusal_of(error, options_.max_body_bytes), head.get().version());
    if (auto refusal = refuse_stranger(head.get()))
      co_return co_await refuse(connection, std::move(*refusal), head.get().version());

    auto target = parse_target(std::string_view(head.get().target()));
    if (!target) co_return co_await refuse(connection, bad_target(), head.get().version());
    HttpRequest request = to_request(head.get(), std::move(*target));
    request.over_unix_socket = !socket_file_.empty();
    const BodyPolicy policy =
        options_.body_policy ? options_.body_policy(request.method, request.path) : BodyPolicy{options_.max_body_bytes};
    const std::uint64_t announced = head.content_length().value_or(head.chunked() ? policy.max_bytes : 0);
    const MemoryShare share(buffered_bytes_, policy.to_file ? 0 : announced);
    if (auto refusal = refuse_body(head, policy))
      co_return co_await refuse(connection, std::move(*refusal), head.get().version());

    const unsigned version = head.get().version();
    const bool keep_alive = head.get().keep_alive() && !is_draining();
    co_await go_on_if_asked(connection, head);
    if (policy.to_file) {
      error = co_await read_to_file(connection, std::move(head), policy, request);
    } else {
      error = co_await read_to_memory(connection, std::move(head), policy, request);
    }
    if (error) co_return co_await refuse(connection, refusal_of(error, policy.max_bytes), version);

    HttpResponse response = co_await ask_handler(connection, std::move(request));
    co_await answer(connection, std::move(response), version, keep_alive);
    connection.busy = false;
    co_return keep_alive && !is_draining();
  }

  static HttpResponse bad_target() {
    return error_response({ErrorCode::kInvalidArgument, "the request target is not a valid path and query"});
  }

  /// Clients that announce a large body wait for this before they send it.
  asio::awaitable<void> go_on_if_asked(Connection& connection, const HeadParser& head) {
    connection.stream.expires_after(options_.read_timeout);
    if (!beast::iequals(head.get()[http::field::expect], "100-continue")) co_return;
    http::response<http::empty_body> go_on(http::status::continue_, head.get().version());
    co_await http::async_write(connection.stream, go_on, asio::use_awaitable);
  }

  asio::awaitable<error_code> read_to_memory(Connection& connection, HeadParser&& head, const BodyPolicy& policy,
                                             HttpRequest& request) {
    http::request_parser<http::string_body> parser(std::move(head));
    parser.body_limit(policy.max_bytes);
    error_code error;
    co_await http::async_read(connection.stream, connection.buffer, parser,
                              asio::redirect_error(asio::use_awaitable, error));
    request.body = std::move(parser.get().body());
    co_return error;
  }

  asio::awaitable<error_code> read_to_file(Connection& connection, HeadParser&& head, const BodyPolicy& policy,
                                           HttpRequest& request) {
    http::request_parser<http::file_body> parser(std::move(head));
    parser.body_limit(policy.max_bytes);
    const std::string name = "body-" + std::to_string(getpid()) + "-" + std::to_string(++spooled_);
    request.body_file = std::make_shared<BodyFile>(options_.spool_folder / name);
    error_code error;
    parser.get().body().open(request.body_file->path().c_str(), beast::file_mode::write, error);
    while (!error && !parser.is_done()) {
      connection.stream.expires_after(options_.read_timeout);
      co_await http::async_read_some(connection.stream, connection.buffer, parser,
                                     asio::redirect_error(asio::use_awaitable, error));
    }
    co_return error;
  }

  std::optional<HttpResponse> refuse_stranger(const http::request_header<>& head) const {
    const std::string expected = "Bearer " + options_.token;
    if (!options_.token.empty() && !same_in_constant_time(std::string_view(head[http::field::authorization]), expected))
      return error_response(
          {ErrorCode::kUnauthorized, "this service needs the header 'Authorization: Bearer TOKEN' with its token"});
    return std::nullopt;
  }

  /// What can be said before a body is read: it announces itself too large, or there is no memory left for it.
  std::optional<HttpResponse> refuse_body(const HeadParser& head, const BodyPolicy& policy) const {
    if (head.content_length().value_or(0) > policy.max_bytes)
      return refusal_of(http::make_error_code(http::error::body_limit), policy.max_bytes);
    if (buffered_bytes_ > options_.max_buffered_bytes)
      return error_response({ErrorCode::kUnavailable, "too many bytes are waiting to be processed: try again shortly"});
    return std::nullopt;
  }

  /// An answer before the body was read, so the connection cannot go on. What the client still sends is taken for a
  /// moment: closing with bytes unread would make its system throw our answer away.
  asio::awaitable<bool> refuse(Connection& connection, HttpResponse response, unsigned version) {
    co_await answer(connection, std::move(response), version, false);
    error_code error;
    connection.stream.socket().shutdown(asio::socket_base::shutdown_send, error);
    connection.stream.expires_after(std::min(options_.read_timeout, kLinger));
    std::vector<char> ignored(1u << 16);
    for (std::uint64_t taken = 0; !error && taken < kMostIgnoredBytes;)
      taken += co_await connection.stream.async_read_some(asio::buffer(ignored),
                                                          asio::redirect_error(asio::use_awaitable, error));
    co_return false;
  }

  asio::awaitable<HttpResponse> ask_handler(Connection& connection, HttpRequest request) {
    connection.stream.expires_never();  // answering may take as long as it takes
    asio::steady_timer answered(connection.stream.get_executor(), asio::steady_timer::time_point::max());
    Exchange exchange;
    handler_(std::move(request), exchange.reply());
    if (exchange.wait_for_reply([&] { asio::post(answered.get_executor(), [&] { answered.cancel(); }); })) {
      error_code cancelled;
      co_await answered.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    }
    co_return exchange.take();
  }

  asio::awaitable<void> answer(Connection& connection, HttpResponse response, unsigned version, bool keep_alive) {
    auto message = to_message(std::move(response), version, keep_alive);
    connection.stream.expires_after(options_.write_timeout);
    co_await http::async_write(connection.stream, message, asio::use_awaitable);
  }

  bool is_draining() {
    const std::lock_guard lock(mutex_);
    return draining_;
  }

  void begin_draining() {
    asio::post(acceptor_.get_executor(), [this] {
      error_code ignored;
      acceptor_.close(ignored);
    });
    const std::lock_guard lock(mutex_);
    draining_ = true;
    for (const Shared& connection : connections_) {
      asio::post(connection->stream.get_executor(), [connection] {
        if (!connection->busy) connection->stream.cancel();
      });
    }
  }

  const HttpServerOptions options_;
  const HttpHandler handler_;
  asio::io_context io_;
  asio::basic_socket_acceptor<Protocol> acceptor_;
  std::string address_;
  std::string socket_file_;
  std::vector<std::thread> threads_;

  std::atomic<std::uint64_t> buffered_bytes_ = 0;
  std::atomic<std::uint64_t> spooled_ = 0;  // names of body files

  std::mutex mutex_;
  std::condition_variable all_closed_;
  std::set<Shared> connections_;  // guarded by mutex_
  bool draining_ = false;         // guarded by mutex_

  std::mutex drain_mutex_;
  std::optional<bool> drained_;  // guarded by drain_mutex_
};

HttpServer::HttpServer(HttpServerOptions options, HttpHandler handler)
    : state_(std::make_unique<State>(std::move(options), std::move(handler))) {}

HttpServer::~HttpServer() { drain(std::chrono::milliseconds(0)); }

std::string HttpServer::address() const { return state_->address(); }

bool HttpServer::drain(std::chrono::milliseconds patience) { return state_->drain(patience); }

}  // namespace chexworld
