// SPDX-License-Identifier: GPL-3.0-or-later
//
// Orthanc's change log tells nothing of deletions, and callbacks reach only a plugin that runs. So from time to time
// what the store knows of this Orthanc is compared with what Orthanc holds.
#pragma once

#include "orthanc-plugin/archive.h"
#include "orthanc-plugin/pace.h"
#include "orthanc-plugin/wake.h"
#include "orthanc-plugin/worker_client.h"

#include <functional>
#include <mutex>
#include <optional>
#include <thread>

namespace chexworld::plugin {

struct ReconcilerOptions {
  std::chrono::milliseconds interval{std::chrono::hours(24)};  ///< between two comparisons; zero: never
  double per_second = 50;                                      ///< instances looked up in Orthanc; 0: no limit
};

struct ReconcilerState {
  std::uint64_t rounds = 0;   ///< finished, since the start
  std::uint64_t checked = 0;  ///< instances, of the round under way or the last one
  std::uint64_t gone = 0;     ///< of them, not in Orthanc any more
};

/// Thread safe. The first comparison begins at once.
class Reconciler {
 public:
  /// `gone` is called with instances that the archive has no more. Archive and client must outlive it.
  Reconciler(const Archive& archive, WorkerClient& client, const ReconcilerOptions& options,
             std::function<void(const std::string&)> gone);

  ReconcilerState state() const;
  void stop();

 private:
  void run(const std::stop_token& stop);
  /// False when it was stopped on the way.
  bool compare(const std::stop_token& stop);
  bool check(const std::string& instance_id, const std::stop_token& stop);

  const Archive& archive_;
  WorkerClient& client_;
  const ReconcilerOptions options_;
  const std::function<void(const std::string&)> gone_;
  Pace pace_;  // of the thread alone
  Wake wake_;
  mutable std::mutex mutex_;
  ReconcilerState state_;  // guarded by mutex_
  std::jthread thread_;
};

}  // namespace chexworld::plugin
