// SPDX-License-Identifier: Apache-2.0
//
// An Orthanc with the plugin and a worker of its own, and what became of what it was sent.
#pragma once

#include "support/orthanc_server.h"
#include "support/worker_models.h"

#include <gtest/gtest.h>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace chexworld::test {

constexpr std::chrono::seconds kPatience{180};

/// A number from the environment, for longer runs.
int number_from(const char* variable, int fallback);

/// The JSON of an answer that must be 200; an empty object, and a failure, where it is not.
Json json_from(const HttpAnswer& answer);

/// What became of each instance: "embedded", or the reason code of the one trouble it has.
std::map<std::string, std::string> outcomes(const OrthancServer& orthanc);

/// Whether every instance has an outcome, within the patience.
bool all_settled(const OrthancServer& orthanc, std::chrono::seconds patience = kPatience);

/// The lines of a log that hold this word.
std::string lines_with(const std::string& log, const std::string& word);

/// Processes with this word on their command line.
std::set<pid_t> processes_with(const std::string& word);

class PluginFlow : public testing::Test {
 protected:
  Json settings() const;
  std::filesystem::path folder() const { return folder_ / "worker"; }
  /// Films made for the test, as files; ten of a study, each of a patient of its own.
  std::vector<std::filesystem::path> films(int count, int first = 0) const;
  std::set<pid_t> workers() const { return processes_with("unix:" + (folder() / "worker.sock").string()); }

  TemporaryFolder folder_;
  WorkerModels models_{1};
};

}  // namespace chexworld::test
