// SPDX-License-Identifier: GPL-3.0-or-later
//
// Hands the work that the worker has queued back to it, with the DICOM files it is about.
#pragma once

#include "orthanc-plugin/archive.h"
#include "orthanc-plugin/pace.h"
#include "orthanc-plugin/wake.h"
#include "orthanc-plugin/worker_client.h"

#include <atomic>
#include <deque>
#include <thread>
#include <vector>

namespace chexworld::plugin {

struct FeederOptions {
  int senders = 4;                 ///< instances handed over at once
  double per_second = 0;           ///< instances handed over in all; 0: no limit
  double backfill_per_second = 0;  ///< of them, what is no new arrival; 0: no limit
};

/// Since the start.
struct FeederState {
  std::uint64_t embedded = 0;
  std::uint64_t skipped = 0;   ///< by the gate
  std::uint64_t refused = 0;   ///< not readable, or failed
  std::uint64_t gone = 0;      ///< deleted before their turn
  std::uint64_t repeated = 0;  ///< handed over again because the worker was lost
  std::uint32_t in_hand = 0;   ///< claimed and not answered
  std::string trouble;         ///< why no work is claimed; empty: it is
};

/// One thread claims, `senders` threads fetch and send. Thread safe.
class Feeder {
 public:
  /// `gone` is called with instances that the archive has no more. Archive and client must outlive it.
  Feeder(const Archive& archive, WorkerClient& client, const FeederOptions& options,
         std::function<void(const std::string&)> gone);

  void wake() { wake_.now(); }
  FeederState state() const;
  void stop();

 private:
  struct Item {
    std::int64_t work = 0;
    std::int64_t claim = 0;
    Json location;
    bool backfill = false;
  };

  void claim_all(const std::stop_token& stop);
  std::vector<Item> claim(std::size_t most);
  void set_trouble(const std::string& sentence);
  void send_all(const std::stop_token& stop);
  void send(const Item& item, const std::stop_token& stop);
  /// Whether the item is taken care of; false: try again.
  bool send_once(const Item& item);
  void count(const WorkerAnswer& answer);

  const Archive& archive_;
  WorkerClient& client_;
  const std::size_t senders_;
  const std::function<void(const std::string&)> gone_;
  Pace pace_, backfill_pace_;  // of the claiming thread alone

  Wake wake_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Item> items_;  // guarded by mutex_
  FeederState state_;       // guarded by mutex_

  std::vector<std::jthread> threads_;
};

}  // namespace chexworld::plugin
