// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "base/config.h"
#include "orthanc-plugin/write_back_settings.h"

#include <chrono>
#include <filesystem>
#include <string>

namespace chexworld::plugin {

/// The section "Chexworld" of Orthanc's configuration; docs/plugin.md describes each key. Relative paths start at
/// Orthanc's storage.
struct Settings {
  bool enable = true;  ///< "Enable": false leaves the plugin loaded and idle

  // ---- a worker elsewhere: "Worker" ----
  std::string worker_url;    ///< "Url"; empty: the plugin starts a worker of its own
  std::string worker_token;  ///< "Token"

  // ---- a worker of its own ----
  std::string program = "chexworld";       ///< "Program"
  std::filesystem::path folder;            ///< "Folder": store, models and index, default "chexworld"
  std::string store;                       ///< "Store": a database instead of a file in the folder
  std::filesystem::path model;             ///< "Model": bundle to begin with
  std::string precision = "auto";          ///< "Precision"
  int threads = 0;                         ///< "Threads" for inference; 0: all
  int nice = 19;                           ///< "Nice": 0 to 19, lets Orthanc go first where processors are short
  std::chrono::seconds drain_timeout{30};  ///< "DrainTimeout", seconds
  std::chrono::seconds restart_pause{30};  ///< "RestartPause", seconds: the longest before it is started again

  // ---- following ----
  int concurrent_instances = 4;            ///< "ConcurrentInstances" handed to the worker at once
  std::chrono::seconds poll_interval{10};  ///< "PollInterval", seconds
  double rate = 0;                         ///< "Rate", instances per second handed to the worker; 0: no limit
  double backfill_rate = 0;                ///< "BackfillRate", of them those that are no new arrivals; 0: no limit
  std::chrono::minutes reconcile_interval{24 * 60};  ///< "ReconcileInterval", minutes; 0: never
  double reconcile_rate = 50;                        ///< "ReconcileRate", instances looked up per second; 0: no limit

  // ---- telling others ----
  WriteBackSettings write_back;  ///< "WriteBack"
  WebhookSettings webhook;       ///< "Webhook"

  bool own_worker() const { return worker_url.empty(); }
  std::filesystem::path socket() const { return folder / "worker.sock"; }
};

/// Throws Failure naming the key for anything unknown or out of range.
Settings read_settings(const Json& orthanc_configuration);

}  // namespace chexworld::plugin
