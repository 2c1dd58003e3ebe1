// SPDX-License-Identifier: GPL-3.0-or-later
//
// Follows the results that the worker stores, study by study, and has one kind of writer tell of each. Its place is
// kept by the worker's store, so nothing is forgotten by an outage of any part, and nothing is kept here but one page.
#pragma once

#include "orthanc-plugin/pace.h"
#include "orthanc-plugin/study_archive.h"
#include "orthanc-plugin/study_writer.h"
#include "orthanc-plugin/wake.h"
#include "orthanc-plugin/worker_client.h"

#include <atomic>
#include <set>
#include <thread>

namespace chexworld::plugin {

struct WriteBackOptions {
  std::string name;                               ///< "report", "metadata", "webhook"; part of the cursor's name
  std::chrono::milliseconds poll{2'000};          ///< between looks for new results
  std::chrono::milliseconds study_quiet{90'000};  ///< a study without a new result for this long is written
  std::chrono::milliseconds stable_quiet{2'000};  ///< the same once Orthanc has called it stable
  std::chrono::milliseconds interval{200};        ///< at least, between two studies
  std::chrono::milliseconds first_pause{1'000};   ///< after a failure; doubled each time
  std::chrono::milliseconds longest_pause{15'000};
  int attempts = 5;  ///< of one study whose own fault it may be; then it is left out
};

/// Since the start.
struct WriteBackState {
  std::uint64_t written = 0;   ///< studies
  std::uint64_t left_out = 0;  ///< given up
  std::uint64_t retried = 0;   ///< failures that another attempt followed
  std::uint64_t behind = 0;    ///< results not taken care of, as far as known
  std::string trouble;         ///< why it waits; empty: it does not
};

/// Thread safe.
class WriteBack {
 public:
  /// Client, archive and writer must outlive it. Starts nothing. Results of before now are left alone where this kind
  /// was never in use.
  WriteBack(WorkerClient& client, StudyArchive& archive, StudyWriter& writer, WriteBackOptions options);

  void start();
  /// Orthanc calls this study complete; forgotten at a restart, when `study_quiet` decides.
  void study_is_stable(const std::string& study_id);
  /// Begin again with the active model's first result.
  void rewind();
  const std::string& name() const { return options_.name; }
  WriteBackState state() const;
  /// Returns once its thread has ended: after the call under way.
  void stop();

 private:
  using milliseconds = std::chrono::milliseconds;

  void run(const std::stop_token& stop);
  milliseconds step(const std::stop_token& stop);
  milliseconds take_care(const Json& change);
  milliseconds until_due(const Json& change, const std::string& study_id) const;
  void write(const StudyResults& study, std::uint64_t sequence);

  void begin_with(const std::string& model_id);
  void leave_alone_what_was();
  std::uint64_t last_before_start(const std::string& model_id);
  bool is_from_before(const Json& change) const;
  void rewind_if_asked();
  void keep_place();
  std::string place_of(const std::string& model_id) const;
  std::uint64_t cursor(const std::string& name);
  void move_cursor(const std::string& name, std::uint64_t from, std::uint64_t to);
  Json results_after(std::uint64_t sequence, int most, const std::string& model_id = "");
  void set_trouble(const std::string& sentence);

  WorkerClient& client_;
  StudyArchive& archive_;
  StudyWriter& writer_;
  const WriteBackOptions options_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();

  // of the thread alone
  std::string server_;
  std::string model_;              // whose results are followed
  std::uint64_t kept_ = 0;         // the place that the store knows
  std::uint64_t reached_ = 0;      // the last result taken care of
  std::uint64_t troublesome_ = 0;  // result whose study could not be written
  int attempts_ = 0;               // at it
  std::chrono::steady_clock::time_point next_write_{};

  Wake wake_;
  std::atomic<bool> rewind_ = false;
  mutable std::mutex mutex_;
  WriteBackState state_;          // guarded by mutex_
  std::set<std::string> stable_;  // guarded by mutex_

  std::jthread thread_;
};

}  // namespace chexworld::plugin
