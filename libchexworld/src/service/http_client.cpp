// SPDX-License-Identifier: Apache-2.0
#include "service/http_client.h"

#include "base/failure.h"
#include "base/file.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/http/file_body.hpp>

#include <exception>

namespace chexworld {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace {

using Protocol = asio::generic::stream_protocol;
using Stream = beast::basic_stream<Protocol>;

std::string base64(const std::string& bytes) {
  constexpr const char* kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  unsigned group = 0;
  int bits = 0;
  for (const char c : bytes) {
    group = group << 8 | static_cast<unsigned char>(c);
    for (bits += 8; bits >= 6; bits -= 6) text += kDigits[group >> (bits - 6) & 63];
  }
  if (bits > 0) text += kDigits[group << (6 - bits) & 63];
  text.resize((text.size() + 3) / 4 * 4, '=');
  return text;
}

std::string name_of(const ServerAddress& server) {
  return server.unix_socket.empty() ? server.host + ":" + server.port : server.unix_socket;
}

asio::awaitable<void> connect(Stream& stream, const ServerAddress& server) {
  if (!server.unix_socket.empty()) {
    co_await stream.async_connect(asio::local::stream_protocol::endpoint(server.unix_socket), asio::use_awaitable);
    co_return;
  }
  asio::ip::tcp::resolver resolver(co_await asio::this_coro::executor);
  const auto found = co_await resolver.async_resolve(server.host, server.port, asio::use_awaitable);
  std::exception_ptr last;
  for (const auto& entry : found) {
    try {
      co_await stream.async_connect(entry.endpoint(), asio::use_awaitable);
      co_return;
    } catch (...) {
      last = std::current_exception();
    }
  }
  if (last) std::rethrow_exception(last);
}

template <class Body>
asio::awaitable<void> exchange(const ServerAddress& server, const HttpClientOptions& options,
                               http::request<Body>& request, HttpAnswer& answer) {
  Stream stream(co_await asio::this_coro::executor);
  stream.expires_after(options.timeout);
  co_await connect(stream, server);
  http::request_serializer<Body> serializer(request);
  while (!serializer.is_done()) {  // some at a time, so that the limit is on pauses and not on the whole
    stream.expires_after(options.timeout);
    co_await http::async_write_some(stream, serializer, asio::use_awaitable);
  }
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(options.max_body_bytes);
  while (!parser.is_done()) {
    stream.expires_after(options.timeout);
    co_await http::async_read_some(stream, buffer, parser, asio::use_awaitable);
  }
  answer = {int(parser.get().result_int()), std::move(parser.get().body())};
}

template <class Body>
HttpAnswer ask(const ServerAddress& server, const HttpCredentials& credentials, const HttpClientOptions& options,
               http::request<Body>& request) {
  const std::string where = "asking " + name_of(server) + " for " + std::string(request.target());
  request.set(http::field::host, server.unix_socket.empty() ? server.host + ":" + server.port : "localhost");
  request.set(http::field::connection, "close");
  if (!credentials.token.empty()) {
    request.set(http::field::authorization, "Bearer " + credentials.token);
  } else if (!credentials.user.empty()) {
    request.set(http::field::authorization, "Basic " + base64(credentials.user + ":" + credentials.password));
  }
  if (!request.chunked()) request.prepare_payload();
  HttpAnswer answer;
  std::exception_ptr failure;
  asio::io_context context;
  asio::co_spawn(context, exchange(server, options, request, answer), [&](std::exception_ptr e) { failure = e; });
  context.run();
  if (!failure) return answer;
  try {
    std::rethrow_exception(failure);
  } catch (const boost::system::system_error& error) {
    if (error.code() == beast::error::timeout) fail(ErrorCode::kTimeout, where + ": no answer in time");
    if (error.code() == http::error::body_limit) fail(ErrorCode::kTooLarge, where + ": the answer is too large");
    fail(ErrorCode::kInputOutput, where + ": " + error.code().message());
  }
}

http::request<http::string_body> request_for(const ServerAddress& server, http::verb verb, const std::string& target) {
  return {verb, server.base + target, 11};
}

}  // namespace

ServerAddress parse_server_url(const std::string& url) {
  ServerAddress server;
  if (url.starts_with("unix:") && url.size() > 5) {
    server.unix_socket = url.substr(5);
    return server;
  }
  constexpr std::string_view kScheme = "http://";
  const std::string what = "a server is http://HOST:PORT/PATH or unix:/PATH";
  if (url.starts_with("https://"))
    fail(ErrorCode::kUnsupported,
         "https is not spoken here: use a local address, or a proxy on this machine that does");
  if (!url.starts_with(kScheme) || url.find('@') != std::string::npos) fail(ErrorCode::kInvalidArgument, what);
  const std::string rest = url.substr(kScheme.size());
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  std::string authority = rest.substr(0, slash);
  server.base = rest.substr(slash);
  while (server.base.ends_with('/')) server.base.pop_back();
  const std::size_t colon = authority.rfind(':');
  if (colon != std::string::npos && authority.find(']', colon) == std::string::npos) {
    server.port = authority.substr(colon + 1);
    authority.resize(colon);
  }
  if (authority.starts_with('[') && authority.ends_with(']')) authority = authority.substr(1, authority.size() - 2);
  server.host = authority;
  const bool is_number = !server.port.empty() && server.port.find_first_not_of("0123456789") == std::string::npos;
  if (server.host.empty() || !is_number) fail(ErrorCode::kInvalidArgument, what);
  return server;
}

HttpCredentials HttpCredentials::from_file(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = read_file(path, 1 << 16);
  const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::string line = text.substr(0, text.find_first_of("\r\n"));
  if (line.empty()) fail(ErrorCode::kInvalidArgument, "the credentials file " + path.string() + " is empty");
  const std::size_t colon = line.find(':');
  HttpCredentials credentials;
  if (colon == std::string::npos) {
    credentials.token = line;
  } else {
    credentials.user = line.substr(0, colon);
    credentials.password = line.substr(colon + 1);
  }
  return credentials;
}

HttpClient::HttpClient(ServerAddress server, HttpCredentials credentials, const Options& options)
    : server_(std::move(server)), credentials_(std::move(credentials)), options_(options) {}

HttpAnswer HttpClient::get(const std::string& target) const {
  auto request = request_for(server_, http::verb::get, target);
  return ask(server_, credentials_, options_, request);
}

HttpAnswer HttpClient::post(const std::string& target, std::string body, const std::string& content_type) const {
  return send("POST", target, std::move(body), content_type);
}

HttpAnswer HttpClient::put(const std::string& target, std::string body, const std::string& content_type) const {
  return send("PUT", target, std::move(body), content_type);
}

HttpAnswer HttpClient::remove(const std::string& target) const {
  auto request = request_for(server_, http::verb::delete_, target);
  return ask(server_, credentials_, options_, request);
}

HttpAnswer HttpClient::send(const char* method, const std::string& target, std::string body,
                            const std::string& content_type) const {
  auto request = request_for(server_, http::string_to_verb(method), target);
  request.set(http::field::content_type, content_type);
  request.body() = std::move(body);
  return ask(server_, credentials_, options_, request);
}

HttpAnswer HttpClient::post_file(const std::string& target, const std::filesystem::path& file,
                                 const std::string& content_type) const {
  http::request<http::file_body> request(http::verb::post, server_.base + target, 11);
  request.set(http::field::content_type, content_type);
  beast::error_code error;
  request.body().open(file.c_str(), beast::file_mode::scan, error);
  if (error) fail(ErrorCode::kInputOutput, "reading " + file.string() + ": " + error.message());
  request.chunked(true);  // Orthanc gathers a body of announced length in memory; one in chunks it hands on
  return ask(server_, credentials_, options_, request);
}

std::string percent_encoded(const std::string& text) {
  constexpr const char* kHex = "0123456789ABCDEF";
  std::string safe;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '~';
    if (plain) {
      safe += c;
    } else {
      safe += {'%', kHex[static_cast<unsigned char>(c) >> 4], kHex[c & 15]};
    }
  }
  return safe;
}

}  // namespace chexworld
