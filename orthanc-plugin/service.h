// SPDX-License-Identifier: GPL-3.0-or-later
//
// Everything that runs between OrthancStarted and OrthancStopped.
#pragma once

#include "orthanc-plugin/feeder.h"
#include "orthanc-plugin/follower.h"
#include "orthanc-plugin/orthanc_archive.h"
#include "orthanc-plugin/settings.h"
#include "orthanc-plugin/supervisor.h"

#include <memory>

namespace chexworld::plugin {

/// Thread safe. Constructing starts nothing.
class Service {
 public:
  Service(const OrthancHost& host, const Settings& settings);

  void start();
  /// Ends all threads; the worker finishes what it has, within Settings::drain_timeout.
  void stop();

  void instance_arrived();
  void instance_removed(const std::string& instance_id);

  WorkerClient& worker() { return *client_; }
  const Archive& archive() const { return archive_; }
  /// Nothing before start() and after stop().
  std::shared_ptr<Follower> follower() const;
  /// What `GET /chexworld/status` answers.
  Json status();
  /// Sets Orthanc's metrics `orthanc_chexworld_*`; asks nobody else, so it is quick.
  void publish_metrics() const;

 private:
  void work_queued();

  const OrthancHost host_;
  const Settings settings_;
  const OrthancArchive archive_;
  const std::unique_ptr<WorkerClient> client_;

  mutable std::mutex mutex_;  // of the pointers
  std::shared_ptr<Supervisor> supervisor_;
  std::shared_ptr<Feeder> feeder_;
  std::shared_ptr<Follower> follower_;
};

}  // namespace chexworld::plugin
