// SPDX-License-Identifier: Apache-2.0
#include "support/worker_server.h"

#include <algorithm>
#include <csignal>
#include <fstream>
#include <sstream>
#include <unistd.h>

namespace chexworld::test {

WorkerServer::WorkerServer(std::vector<std::string> arguments) {
  address_ = "unix:" + (folder_ / "socket").string();
  command_ = {CHEXWORLD_PROGRAM, "serve", "--data", data_.string()};
  const auto listen = std::find(arguments.begin(), arguments.end(), "--listen");
  if (listen != arguments.end()) {
    address_ = *(listen + 1);
  } else {
    command_.insert(command_.end(), {"--listen", address_});
  }
  command_.insert(command_.end(), arguments.begin(), arguments.end());
  start();
}

void WorkerServer::start() {
  process_ = std::make_unique<BackgroundProcess>(command_, log_);
  wait_until([&] { return !running() || client().get("/v1/status").status != 0; }, std::chrono::seconds(60));
}

int WorkerServer::stop(int signal) { return process_->stop(signal); }

void WorkerServer::terminate() const { kill(process_->pid(), SIGTERM); }

std::uint64_t WorkerServer::resident_bytes() const {
  std::ifstream statm("/proc/" + std::to_string(pid()) + "/statm");
  std::uint64_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * std::uint64_t(sysconf(_SC_PAGESIZE));
}

std::vector<pid_t> WorkerServer::children() const {
  std::vector<pid_t> found;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/" + std::to_string(pid()) + "/task")) {
    std::istringstream numbers(text_of(thread.path() / "children"));
    for (pid_t child = 0; numbers >> child;) found.push_back(child);
  }
  return found;
}

}  // namespace chexworld::test
