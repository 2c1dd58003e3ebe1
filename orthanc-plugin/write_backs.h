// SPDX-License-Identifier: GPL-3.0-or-later
//
// The kinds of writing back that are asked for, each following the results on its own: none waits for another.
#pragma once

#include "orthanc-plugin/webhook.h"
#include "orthanc-plugin/write_back.h"
#include "orthanc-plugin/write_back_settings.h"

#include <functional>
#include <memory>
#include <vector>

namespace chexworld::plugin {

/// Thread safe.
class WriteBacks {
 public:
  /// Client, archive and sender must outlive it. Starts nothing.
  WriteBacks(WorkerClient& client, StudyArchive& archive, HttpSender& sender, const WriteBackSettings& settings,
             const WebhookSettings& webhook);

  void start();
  void study_is_stable(const std::string& study_id);
  /// Has the kinds that only the archive sees (reports, metadata) begin again with the first result; false where none
  /// is asked for.
  bool rewind();
  /// {"report": {"written", "left_out", "retried", "behind", "trouble"}, ...}
  Json state() const;
  /// Calls `set` with the name and value of each metric.
  void publish(const std::function<void(const char* name, std::uint64_t value)>& set) const;
  /// Returns once all threads have ended: after a call under way.
  void stop();

 private:
  void add(const std::string& name, std::unique_ptr<StudyWriter> writer, bool repeatable);

  struct Kind {
    std::unique_ptr<StudyWriter> writer;
    std::unique_ptr<WriteBack> follower;
    bool repeatable = false;
  };

  WorkerClient& client_;
  StudyArchive& archive_;
  const WriteBackSettings settings_;
  std::vector<Kind> kinds_;
};

}  // namespace chexworld::plugin
