// SPDX-License-Identifier: Apache-2.0
#include "bench/support/peer.h"

#include "base/failure.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace chexworld::bench {

Peer::Peer(const std::string& script) : script_(script) {
  signal(SIGPIPE, SIG_IGN);  // a dead peer is an error we report
  int requests[2], answers[2];
  if (pipe2(requests, O_CLOEXEC) != 0 || pipe2(answers, O_CLOEXEC) != 0) fail_errno("creating pipes", errno);
  pid_ = fork();
  if (pid_ < 0) fail_errno("starting " + script, errno);
  if (pid_ == 0) {
    dup2(requests[0], STDIN_FILENO);
    dup2(answers[1], STDOUT_FILENO);
    const std::string path = CHEXWORLD_PEERS "/" + script;
    execlp("python3", "python3", "-u", path.c_str(), static_cast<char*>(nullptr));
    _exit(127);
  }
  close(requests[0]);
  close(answers[1]);
  to_ = fdopen(requests[1], "w");
  from_ = fdopen(answers[0], "r");
}

Peer::~Peer() {
  std::fclose(to_);
  std::fclose(from_);
  waitpid(pid_, nullptr, 0);
}

double Peer::measure(const std::string& request) {
  std::fprintf(to_, "%s\n", request.c_str());
  std::fflush(to_);
  std::array<char, 4096> line{};
  if (std::fgets(line.data(), int(line.size()), from_) == nullptr)
    fail(ErrorCode::kUnavailable, script_ + " has ended");
  char* end = nullptr;
  const double value = std::strtod(line.data(), &end);
  if (end == line.data()) fail(ErrorCode::kUnavailable, script_ + ": " + line.data());
  return value;
}

}  // namespace chexworld::bench
