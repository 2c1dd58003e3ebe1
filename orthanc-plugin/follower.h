// SPDX-License-Identifier: GPL-3.0-or-later
//
// Copies Orthanc's change log into the worker's queue: what is new, and what is gone. The cursor is kept by the worker,
// in one transaction with the queue, so that an outage of any length of any part is caught up.
#pragma once

#include "orthanc-plugin/archive.h"
#include "orthanc-plugin/pace.h"
#include "orthanc-plugin/wake.h"
#include "orthanc-plugin/worker_client.h"

#include <atomic>
#include <thread>

namespace chexworld::plugin {

/// How far the log has been followed.
struct FollowerState {
  std::uint64_t cursor = 0;    ///< last change taken care of
  std::uint64_t last = 0;      ///< newest change in the log
  std::uint64_t backfill = 0;  ///< instances that the walk under way has queued
  bool backfilling = false;
  std::string trouble;  ///< why it stands still; empty: it does not
};

/// Thread safe.
class Follower {
 public:
  /// `queued` is called when there is new work. Archive and client must outlive it. Starts nothing.
  Follower(const Archive& archive, WorkerClient& client, std::chrono::milliseconds poll_interval,
           std::function<void()> queued);

  void start();
  /// Something has changed: look now.
  void wake() { wake_.now(); }
  /// An instance may have been deleted, of which the log says nothing.
  void removed(const std::string& instance_id);
  /// Queue the whole archive, behind what arrives; false when such a walk is under way.
  bool backfill();
  /// Queue these instances as if they had arrived now. Throws Failure.
  void process(const std::vector<std::string>& instance_ids);

  FollowerState state() const;
  /// Returns once its thread has ended.
  void stop();

 private:
  void run(const std::stop_token& stop);
  void follow(const std::stop_token& stop, Patience& patience);
  void read_cursor();
  bool take_page();
  void report_removals();
  bool backfill_step();
  void put(const Json& change);
  void set_trouble(const std::string& sentence);

  const Archive& archive_;
  WorkerClient& client_;
  const std::chrono::milliseconds poll_interval_;
  const std::function<void()> queued_;

  std::string server_;  // of the thread alone
  Wake wake_;
  mutable std::mutex mutex_;
  FollowerState state_;                // guarded by mutex_
  std::vector<std::string> removals_;  // guarded by mutex_
  std::uint64_t walked_ = 0;           // of the thread alone: place in the archive of the walk under way

  std::jthread thread_;
};

}  // namespace chexworld::plugin
