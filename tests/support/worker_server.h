// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/http_client.h"
#include "support/process.h"
#include "support/temporary_folder.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace chexworld::test {

/// A real `chexworld serve` process with a data folder of its own, on a Unix socket unless told otherwise.
class WorkerServer {
 public:
  /// Starts it and waits until it answers or has ended; see running(). `arguments` come after "serve --data ...";
  /// a "--listen" among them is taken instead of the Unix socket.
  explicit WorkerServer(std::vector<std::string> arguments = {});

  bool running() { return process_ && process_->running(); }
  pid_t pid() const { return process_->pid(); }
  std::string address() const { return address_; }
  HttpClient client(const std::string& token = "") const { return HttpClient(address_, token); }
  std::string log() const { return text_of(log_); }
  const std::filesystem::path& data() const { return data_; }

  /// Starts it again on the same data, after stop().
  void start();
  /// Its exit status after this signal.
  int stop(int signal);
  /// Sends SIGTERM and returns at once.
  void terminate() const;

  /// Memory that the process has resident, bytes, without its decoders.
  std::uint64_t resident_bytes() const;
  /// Processes that it has started and that live.
  std::vector<pid_t> children() const;

 private:
  TemporaryFolder folder_;
  std::filesystem::path data_ = folder_ / "data";
  std::filesystem::path log_ = folder_ / "log";
  std::string address_;
  std::vector<std::string> command_;
  std::unique_ptr<BackgroundProcess> process_;
};

}  // namespace chexworld::test
