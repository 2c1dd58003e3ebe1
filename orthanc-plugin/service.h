// SPDX-License-Identifier: GPL-3.0-or-later
//
// Everything that runs between OrthancStarted and OrthancStopped.
#pragma once

#include "orthanc-plugin/answer_cache.h"
#include "orthanc-plugin/feeder.h"
#include "orthanc-plugin/follower.h"
#include "orthanc-plugin/orthanc_archive.h"
#include "orthanc-plugin/orthanc_study_archive.h"
#include "orthanc-plugin/reconciler.h"
#include "orthanc-plugin/settings.h"
#include "orthanc-plugin/supervisor.h"
#include "orthanc-plugin/write_backs.h"

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
  void study_is_stable(const std::string& study_id);

  WorkerClient& worker() { return *client_; }
  const OrthancHost& host() const { return host_; }
  const Archive& archive() const { return archive_; }
  AnswerCache& answers() { return answers_; }
  /// These two throw Failure(kUnavailable) before start() and after stop().
  std::shared_ptr<Follower> running_follower() const;
  std::shared_ptr<WriteBacks> running_write_backs() const;
  /// What `GET /chexworld/status` answers.
  Json status();
  /// Sets Orthanc's metrics `orthanc_chexworld_*`; asks nobody else, so it is quick.
  void publish_metrics() const;

 private:
  std::shared_ptr<Follower> follower() const;
  std::shared_ptr<WriteBacks> write_backs() const;
  void work_queued();

  const OrthancHost host_;
  const Settings settings_;
  const OrthancArchive archive_;
  OrthancStudyArchive studies_;
  OrthancHttpSender sender_;
  const std::unique_ptr<WorkerClient> client_;
  AnswerCache answers_;

  mutable std::mutex mutex_;  // of the pointers
  std::shared_ptr<Supervisor> supervisor_;
  std::shared_ptr<Feeder> feeder_;
  std::shared_ptr<Follower> follower_;
  std::shared_ptr<Reconciler> reconciler_;
  std::shared_ptr<WriteBacks> write_backs_;
};

}  // namespace chexworld::plugin
