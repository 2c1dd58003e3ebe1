// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "service/http.h"

#include <memory>
#include <mutex>
#include <optional>

namespace chexworld {

/// One request waiting for its reply. The reply may come from any thread, before or after anyone waits, twice (the
/// second is dropped) or after this object has gone; a reply function that is destroyed uncalled answers 500.
class Exchange {
 public:
  ~Exchange() {
    const std::lock_guard lock(shared_->mutex);
    shared_->wake = nullptr;
  }

  HttpReply reply() {
    auto promise = std::make_shared<Promise>(shared_);
    return [promise](HttpResponse response) { promise->keep(std::move(response)); };
  }

  /// False when the reply is there already; else `wake` will be called once, by whoever replies.
  bool wait_for_reply(std::function<void()> wake) {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->response) return false;
    shared_->wake = std::move(wake);
    return true;
  }

  /// The reply; an internal error when we were woken without one.
  HttpResponse take() {
    const std::lock_guard lock(shared_->mutex);
    if (!shared_->response) return error_response({ErrorCode::kInternal, "the request was given up"});
    return std::move(*shared_->response);
  }

 private:
  struct Shared {
    std::mutex mutex;
    std::optional<HttpResponse> response;
    std::function<void()> wake;
  };

  class Promise {
   public:
    explicit Promise(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
    ~Promise() { keep(error_response({ErrorCode::kInternal, "nobody answered this request"})); }
    void keep(HttpResponse response) {
      const std::lock_guard lock(shared_->mutex);
      if (shared_->response) return;
      shared_->response = std::move(response);
      if (shared_->wake) shared_->wake();
      shared_->wake = nullptr;
    }

   private:
    std::shared_ptr<Shared> shared_;
  };

  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

}  // namespace chexworld
