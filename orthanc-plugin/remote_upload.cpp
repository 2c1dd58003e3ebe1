// SPDX-License-Identifier: GPL-3.0-or-later
//
// Orthanc's HTTP client asks for the next piece of a body; whoever uploads brings one. The two meet here: at most one
// piece is between them, and each waits for the other.
#include "orthanc-plugin/remote_upload.h"

#include "base/failure.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

namespace chexworld::plugin {
namespace {

constexpr std::chrono::milliseconds kSlice{50};  // how soon an abort is noticed
constexpr std::size_t kPieceBytes = 1 << 20;

class RemoteUpload final : public WorkerUpload, private BodySource {
 public:
  RemoteUpload(const OrthancHost& host, HttpRequest request, const std::atomic<bool>& aborted)
      : host_(host), request_(std::move(request)), aborted_(aborted) {
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
    return std::move(*answer_).value();
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
    Result<WorkerAnswer> answer = capture([&] { return ask(host_, request_, *this); });
    const std::scoped_lock lock(mutex_);
    answer_ = std::move(answer);
    ended_ = true;
    changed_.notify_all();
  }

  bool done() override {
    std::unique_lock lock(mutex_);
    while (piece_.empty() && !finished_ && !stopping()) changed_.wait_for(lock, kSlice);
    return piece_.empty() && finished_;
  }

  std::string_view piece() override { return piece_; }

  bool advance() override {
    const std::scoped_lock lock(mutex_);
    if (stopping()) return false;
    piece_.clear();
    changed_.notify_all();
    return true;
  }

  bool stopping() const { return given_up_ || aborted_; }

  const OrthancHost host_;
  const HttpRequest request_;
  const std::atomic<bool>& aborted_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::string piece_;  // filled where it is empty, emptied by the client's thread alone; guarded by mutex_ when changed
  bool finished_ = false;                       // guarded by mutex_
  bool given_up_ = false;                       // guarded by mutex_
  bool ended_ = false;                          // guarded by mutex_
  std::optional<Result<WorkerAnswer>> answer_;  // there once it has ended
  std::jthread thread_;
};

}  // namespace

std::unique_ptr<WorkerUpload> make_remote_upload(const OrthancHost& host, HttpRequest request,
                                                 const std::atomic<bool>& aborted) {
  return std::make_unique<RemoteUpload>(host, std::move(request), aborted);
}

}  // namespace chexworld::plugin
