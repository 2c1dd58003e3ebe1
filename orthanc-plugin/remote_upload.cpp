// SPDX-License-Identifier: GPL-3.0-or-later
//
// Orthanc's HTTP client asks for the next piece of a body; whoever uploads brings one. The two meet here: at most one
// piece is between them, and each waits for the other.
#include "orthanc-plugin/remote_upload.h"

#include "base/failure.h"
#include "orthanc-plugin/rest.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace chexworld::plugin {
namespace {

constexpr std::chrono::milliseconds kSlice{50};  // how soon an abort is noticed
constexpr std::uint32_t kWholeLimitSeconds = 6 * 3600;
constexpr std::size_t kPieceBytes = 1 << 20;

class RemoteUpload final : public WorkerUpload {
 public:
  RemoteUpload(const OrthancHost& host, const std::string& method, const std::string& url,
               std::map<std::string, std::string> headers, const std::atomic<bool>& aborted)
      : host_(host), method_(method_of(method)), url_(url), headers_(std::move(headers)), aborted_(aborted) {
    thread_ = std::jthread([this] { send(); });
  }

  ~RemoteUpload() override {
    const std::scoped_lock lock(mutex_);
    if (!finished_) given_up_ = true;
    changed_.notify_all();
  }

  void append(std::string_view piece) override {
    for (; !piece.empty(); piece.remove_prefix(std::min(piece.size(), kPieceBytes)))
      offer(piece.substr(0, kPieceBytes));
  }

  WorkerAnswer finish() override {
    {
      const std::scoped_lock lock(mutex_);
      finished_ = true;
      changed_.notify_all();
    }
    thread_.join();
    if (answer_.status == 0)
      fail(ErrorCode::kUnavailable, "no connection to the worker at " + url_.substr(0, url_.find("/v1/")) +
                                        " (Orthanc's error " + std::to_string(int(failed_)) + ")");
    return std::move(answer_);
  }

 private:
  /// Returns once the piece has been copied by the HTTP client, or the request has ended.
  void offer(std::string_view piece) {
    std::unique_lock lock(mutex_);
    if (!piece_.empty()) return;  // left over: the request has ended or will
    piece_ = piece;
    changed_.notify_all();
    while (!piece_.empty() && !ended_ && !aborted_) changed_.wait_for(lock, kSlice);
  }

  // ---- on the thread of the HTTP client ----

  void send() {
    std::vector<const char*> names, values;
    for (const auto& [name, value] : headers_) {
      names.push_back(name.c_str());
      values.push_back(value.c_str());
    }
    std::uint16_t status = 0;
    const OrthancPluginErrorCode failed = OrthancPluginChunkedHttpClient(
        host_.context(), this, add_chunk, add_header, &status, method_, url_.c_str(), std::uint32_t(names.size()),
        names.data(), values.data(), this, is_done, chunk_data, chunk_size, next, nullptr, nullptr, kWholeLimitSeconds,
        nullptr, nullptr, nullptr, 0);
    const std::scoped_lock lock(mutex_);
    answer_.status = status;
    failed_ = failed;
    ended_ = true;
    changed_.notify_all();
  }

  /// Waits for a piece, or for the end.
  bool done() {
    std::unique_lock lock(mutex_);
    while (piece_.empty() && !finished_ && !stopping()) changed_.wait_for(lock, kSlice);
    return piece_.empty() && finished_;
  }

  OrthancPluginErrorCode taken() {
    const std::scoped_lock lock(mutex_);
    if (stopping()) return OrthancPluginErrorCode_CanceledJob;
    piece_.clear();
    changed_.notify_all();
    return OrthancPluginErrorCode_Success;
  }

  bool stopping() const { return given_up_ || aborted_; }

  static RemoteUpload& self(void* payload) { return *static_cast<RemoteUpload*>(payload); }
  static std::uint8_t is_done(void* payload) { return self(payload).done() ? 1 : 0; }
  static const void* chunk_data(void* payload) { return self(payload).piece_.data(); }
  static std::uint32_t chunk_size(void* payload) { return std::uint32_t(self(payload).piece_.size()); }
  static OrthancPluginErrorCode next(void* payload) { return self(payload).taken(); }
  static OrthancPluginErrorCode add_chunk(void* payload, const void* data, std::uint32_t size) {
    return protect([&] { self(payload).answer_.body.append(static_cast<const char*>(data), size); });
  }
  static OrthancPluginErrorCode add_header(void* payload, const char* name, const char* value) {
    return protect([&] { take_header(name, value, self(payload).answer_); });
  }

  const OrthancHost host_;
  const OrthancPluginHttpMethod method_;
  const std::string url_;
  const std::map<std::string, std::string> headers_;
  const std::atomic<bool>& aborted_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::string piece_;  // filled where it is empty, emptied by the client's thread alone; guarded by mutex_ when changed
  bool finished_ = false;  // guarded by mutex_
  bool given_up_ = false;  // guarded by mutex_
  bool ended_ = false;     // guarded by mutex_
  OrthancPluginErrorCode failed_ = OrthancPluginErrorCode_Success;
  WorkerAnswer answer_;  // of the client's thread until it has ended
  std::jthread thread_;
};

}  // namespace

OrthancPluginHttpMethod method_of(const std::string& name) {
  if (name == "POST") return OrthancPluginHttpMethod_Post;
  if (name == "PUT") return OrthancPluginHttpMethod_Put;
  if (name == "DELETE") return OrthancPluginHttpMethod_Delete;
  return OrthancPluginHttpMethod_Get;
}

void take_header(const std::string& name, const std::string& value, WorkerAnswer& answer) {
  std::string lower = name;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return char(std::tolower(c)); });
  if (lower == "content-type") answer.content_type = value;
  if (passes_on(lower)) answer.headers[lower] = value;
}

std::unique_ptr<WorkerUpload> make_remote_upload(const OrthancHost& host, const std::string& method,
                                                 const std::string& url, std::map<std::string, std::string> headers,
                                                 const std::atomic<bool>& aborted) {
  return std::make_unique<RemoteUpload>(host, method, url, std::move(headers), aborted);
}

}  // namespace chexworld::plugin
