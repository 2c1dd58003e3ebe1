// SPDX-License-Identifier: Apache-2.0
//
// A made-up archive, and a worker that only keeps books.
#pragma once

#include "base/failure.h"
#include "orthanc-plugin/archive.h"
#include "orthanc-plugin/worker_client.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace chexworld::plugin {

class MadeArchive final : public Archive {
 public:
  std::string server() const override { return "server-1"; }

  ChangePage changes(std::uint64_t since, std::uint32_t most) const override {
    const std::scoped_lock lock(mutex_);
    ++looks_;
    ChangePage page;
    page.last = last_;
    page.up_to = since;
    for (const auto& [sequence, id] : log_) {
      if (sequence <= since) continue;
      if (page.new_instances.size() == most) {
        page.done = false;
        break;
      }
      page.new_instances.push_back(id);
      page.up_to = sequence;
    }
    return page;
  }

  std::vector<std::string> instances(std::uint64_t since, std::uint32_t most) const override {
    const std::scoped_lock lock(mutex_);
    std::vector<std::string> ids;
    std::uint64_t place = 0;
    for (const std::string& id : instances_)
      if (place++ >= since && ids.size() < most) ids.push_back(id);
    return ids;
  }

  bool has(const std::string& id) const override {
    const std::scoped_lock lock(mutex_);
    return instances_.contains(id);
  }

  bool with_dicom(const std::string& id, const std::function<void(std::string_view)>& use) const override {
    {
      const std::scoped_lock lock(mutex_);
      if (!instances_.contains(id)) return false;
    }
    use("file of " + id);
    return true;
  }

  void add(const std::string& id) {
    const std::scoped_lock lock(mutex_);
    log_[++last_] = id;
    instances_.insert(id);
  }
  void remove(const std::string& id) {
    const std::scoped_lock lock(mutex_);
    std::erase_if(log_, [&](const auto& entry) { return entry.second == id; });
    instances_.erase(id);
  }
  int looks() const {
    const std::scoped_lock lock(mutex_);
    return looks_;
  }
  void clear_log() {
    const std::scoped_lock lock(mutex_);
    log_.clear();
  }
  void set_back(std::uint64_t last) {
    const std::scoped_lock lock(mutex_);
    std::erase_if(log_, [&](const auto& entry) { return entry.first > last; });
    last_ = last;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::uint64_t, std::string> log_;
  std::set<std::string> instances_;
  std::uint64_t last_ = 0;
  mutable int looks_ = 0;  // at the change log
};

/// Queue, cursor and results of a worker, without a worker.
class MadeWorker final : public WorkerClient {
 public:
  Result<WorkerAnswer> call(const WorkerRequest& request) override {
    const std::scoped_lock lock(mutex_);
    if (down_ || aborted_) return Error(ErrorCode::kUnavailable, "nobody is there");
    if (request.target.starts_with("/v1/cursors/")) return cursor_call(request);
    if (request.target.starts_with("/v1/locations/")) return locations(request);
    if (request.target == "/v1/work/claim") return claim(Json::parse(request.body));
    if (request.target.starts_with("/v1/instances")) return instance(request);
    return WorkerAnswer{404, "", ""};
  }
  std::unique_ptr<WorkerUpload> upload(const WorkerRequest&) override { fail(ErrorCode::kUnsupported, "not here"); }
  void abort() override { aborted_ = true; }

  void set_down(bool down) {
    const std::scoped_lock lock(mutex_);
    down_ = down;
  }
  void lose_next(int answers) {
    const std::scoped_lock lock(mutex_);
    lose_ = answers;
  }
  /// Its store was deleted.
  void forget() {
    const std::scoped_lock lock(mutex_);
    cursor_ = 0;
    queue_.clear();
    backfill_.clear();
    results_.clear();
    known_.clear();
  }
  void know(const std::string& id) {
    const std::scoped_lock lock(mutex_);
    known_.insert(id);
  }
  std::uint64_t cursor() const {
    const std::scoped_lock lock(mutex_);
    return cursor_;
  }
  std::map<std::string, int> results() const {
    const std::scoped_lock lock(mutex_);
    return results_;
  }
  std::vector<std::string> removed() const {
    const std::scoped_lock lock(mutex_);
    return removed_;
  }

 private:
  static WorkerAnswer json(const Json& body) { return {200, "application/json", body.dump()}; }

  WorkerAnswer cursor_call(const WorkerRequest& request) {
    if (request.method == "GET") return json({{"sequence", cursor_}});
    const Json body = Json::parse(request.body);
    const std::uint64_t from = body.at("from"), to = body.at("to");
    if (from != to && from != cursor_) return {409, "application/json", "{}"};
    if (from != to) cursor_ = to;
    std::vector<std::string>& queue = body.value("priority", "arrival") == "arrival" ? queue_ : backfill_;
    for (const Json& arrival : body.value("arrivals", Json::array())) queue.push_back(arrival.at("instance_id"));
    for (const Json& removal : body.value("removals", Json::array())) removed_.push_back(removal.at("instance_id"));
    return json({{"sequence", cursor_}});
  }

  static void hand_out(std::vector<std::string>& queue, const char* priority, std::size_t most, Json& items) {
    while (!queue.empty() && items.size() < most) {
      items.push_back({{"work", 1},
                       {"claim", 1},
                       {"priority", priority},
                       {"location", {{"server", "server-1"}, {"instance_id", queue.front()}}}});
      queue.erase(queue.begin());
    }
  }

  WorkerAnswer claim(const Json& request) {
    EXPECT_EQ(request.at("server"), "server-1") << "the queue may be shared with another Orthanc";
    Json items = Json::array();
    const std::size_t most = request.at("most");
    hand_out(queue_, "arrival", most, items);
    if (request.value("priority", "backfill") == "backfill") hand_out(backfill_, "backfill", most, items);
    return json({{"items", items}});
  }

  /// Two at a time, whatever the limit.
  WorkerAnswer locations(const WorkerRequest& request) const {
    const std::string after = request.target.substr(request.target.find("after=") + 6);
    std::vector<std::string> page;
    for (auto id = known_.upper_bound(after); id != known_.end() && page.size() < 2; ++id) page.push_back(*id);
    return json({{"instance_ids", page}});
  }

  Result<WorkerAnswer> instance(const WorkerRequest& request) {
    if (lose_ > 0) {
      --lose_;
      return Error(ErrorCode::kUnavailable, "the connection broke");
    }
    ++results_[std::string(request.body)];
    return json({{"status", "embedded"}});
  }

  mutable std::mutex mutex_;
  std::atomic<bool> aborted_ = false;
  bool down_ = false;
  int lose_ = 0;
  std::uint64_t cursor_ = 0;
  std::vector<std::string> queue_, backfill_;
  std::set<std::string> known_;
  std::map<std::string, int> results_;
  std::vector<std::string> removed_;
};

}  // namespace chexworld::plugin
