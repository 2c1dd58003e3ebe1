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

#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

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

HttpRequest to_request(http::request<http::string_body>&& message, RequestTarget target) {
  HttpRequest request{std::string(message.method_string()), std::move(target.path), std::move(target.query), {}, {}};
  for (const auto& field : message) {
    std::string name(field.name_string());
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
    request.headers[name] = std::string(field.value());
  }
  request.body = std::move(message.body());
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
    http::request_parser<http::string_body> parser;
    parser.header_limit(std::uint32_t(options_.max_header_bytes));
    parser.body_limit(options_.max_body_bytes);

    error_code error;
    connection.stream.expires_after(options_.idle_timeout);
    co_await http::async_read_header(connection.stream, connection.buffer, parser,
                                     asio::redirect_error(asio::use_awaitable, error));
    if (error == http::error::end_of_stream) co_return false;
    connection.busy = true;
    if (!error) {
      if (auto refusal = refuse_by_header(parser.get())) {
        co_await answer(connection, std::move(*refusal), parser.get().version(), false);
        co_return false;
      }
      co_await read_body(connection, parser, error);
    }
    if (error) {
      co_await answer(connection, refuse_by_error(error), parser.get().version(), false);
      co_return false;
    }

    const unsigned version = parser.get().version();
    const bool keep_alive = parser.get().keep_alive() && !is_draining();
    auto target = parse_target(std::string_view(parser.get().target()));
    HttpResponse response =
        target ? co_await ask_handler(connection, to_request(parser.release(), std::move(*target)))
               : error_response({ErrorCode::kInvalidArgument, "the request target is not a valid path and query"});
    co_await answer(connection, std::move(response), version, keep_alive);
    connection.busy = false;
    co_return keep_alive && !is_draining();
  }

  asio::awaitable<void> read_body(Connection& connection, http::request_parser<http::string_body>& parser,
                                  error_code& error) {
    connection.stream.expires_after(options_.read_timeout);
    if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
      http::response<http::empty_body> go_on(http::status::continue_, parser.get().version());
      co_await http::async_write(connection.stream, go_on, asio::use_awaitable);
    }
    co_await http::async_read(connection.stream, connection.buffer, parser,
                              asio::redirect_error(asio::use_awaitable, error));
  }

  /// What can be said before a body is read: no token, or a body that announces itself too large.
  std::optional<HttpResponse> refuse_by_header(const http::request<http::string_body>& message) const {
    const std::string expected = "Bearer " + options_.token;
    if (!options_.token.empty() &&
        !same_in_constant_time(std::string_view(message[http::field::authorization]), expected))
      return error_response(
          {ErrorCode::kUnauthorized, "this service needs the header 'Authorization: Bearer TOKEN' with its token"});
    return std::nullopt;
  }

  HttpResponse refuse_by_error(const error_code& error) const {
    if (error == beast::error::timeout)
      return error_response({ErrorCode::kTimeout, "the request did not arrive in time"});
    if (error == http::error::body_limit)
      return error_response(
          {ErrorCode::kTooLarge, "the body is larger than " + std::to_string(options_.max_body_bytes) + " bytes"});
    if (error == http::error::header_limit) return error_response({ErrorCode::kTooLarge, "the header is too large"});
    return error_response({ErrorCode::kInvalidArgument, "not a valid HTTP request: " + error.message()});
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
