// SPDX-License-Identifier: Apache-2.0
//
// `chexworld pretrain` as typed, on a small archive.
#pragma once

#include "support/process.h"
#include "support/temporary_folder.h"
#include "trainer/report/html.h"
#include "trainer/report/metrics_file.h"
#include "unit/trainer/drawn_films.h"

namespace chexworld::test {

/// A folder with an archive, and commands that train on it for 24 updates of 8 films.
class PretrainProgram {
 public:
  PretrainProgram() { drawn_archive(folder_ / "archive", 34); }

  const TemporaryFolder& folder() const { return folder_; }
  std::filesystem::path run_folder(const std::string& name) const { return folder_.path() / name; }

  std::vector<std::string> fresh(const std::string& name, int batch_size = 8, int accumulate = 1) const {
    std::vector<std::string> command{CHEXWORLD_PROGRAM, "pretrain", folder_ / "archive", "-o", run_folder(name)};
    for (const char* word :
         {"--arch",         "custom", "--image-size",    "32", "--patch-size",    "4",  "--width",      "24",
          "--depth",        "2",      "--heads",         "2",  "--pred-width",    "16", "--pred-depth", "1",
          "--epochs",       "6",      "--warmup-epochs", "1",  "--mask-min-keep", "2",  "--log-every",  "1",
          "--health-every", "0",      "--save-every",    "2",  "--threads",       "1",  "--lr",         "1e-3"})
      command.emplace_back(word);
    for (const std::string& word : {std::string("--batch-size"), std::to_string(batch_size),
                                    std::string("--accum-steps"), std::to_string(accumulate)})
      command.push_back(word);
    return command;
  }

  std::vector<std::string> resumed(const std::string& name) const {
    return {CHEXWORLD_PROGRAM, "pretrain", folder_ / "archive", "--resume", run_folder(name)};
  }

  /// Of one process of a group on this machine.
  static std::vector<std::string> ranked(std::vector<std::string> command, int rank, int size, int port) {
    const std::vector<std::string> environment{"env", "RANK=" + std::to_string(rank),
                                               "WORLD_SIZE=" + std::to_string(size), "MASTER_ADDR=127.0.0.1",
                                               "MASTER_PORT=" + std::to_string(port)};
    command.insert(command.begin(), environment.begin(), environment.end());
    return command;
  }

  std::vector<double> losses(const std::string& name) const {
    // The file is only read: a copy of it is what MetricsFile may tidy up.
    const std::filesystem::path copy = folder_ / "metrics-copy.jsonl";
    std::filesystem::copy_file(run_folder(name) / "metrics.jsonl", copy,
                               std::filesystem::copy_options::overwrite_existing);
    return line_of(MetricsFile(copy, 1'000'000).records(), "loss").y;
  }

 private:
  TemporaryFolder folder_;
};

}  // namespace chexworld::test
