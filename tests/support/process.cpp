// SPDX-License-Identifier: Apache-2.0
#include "support/process.h"

#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace chexworld::test {
namespace {

[[noreturn]] void become(const std::vector<std::string>& command, int output) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  dprintf(STDERR_FILENO, "cannot run %s\n", arguments[0]);
  _exit(127);
}

pid_t start(const std::vector<std::string>& command, int output) {
  const pid_t pid = fork();
  if (pid < 0) throw std::runtime_error("cannot start " + command[0]);
  if (pid == 0) become(command, output);
  return pid;
}

int exit_status_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

}  // namespace

Finished run(const std::vector<std::string>& command) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("cannot create a pipe");
  const pid_t pid = start(command, ends[1]);
  close(ends[1]);
  Finished finished;
  char block[4096];
  for (;;) {
    const ssize_t count = read(ends[0], block, sizeof block);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    finished.output.append(block, std::size_t(count));
  }
  close(ends[0]);
  int status = 0;
  waitpid(pid, &status, 0);
  finished.exit_status = exit_status_of(status);
  return finished;
}

BackgroundProcess::BackgroundProcess(const std::vector<std::string>& command, const std::filesystem::path& log) {
  const int output = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (output < 0) throw std::runtime_error("cannot write " + log.string());
  pid_ = start(command, output);
  close(output);
}

BackgroundProcess::~BackgroundProcess() { stop(SIGKILL); }

bool BackgroundProcess::running() {
  if (pid_ < 0) return false;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) == 0) return true;
  exit_status_ = exit_status_of(status);
  pid_ = -1;
  return false;
}

int BackgroundProcess::stop(int signal) {
  if (!running()) return exit_status_;
  kill(pid_, signal);
  int status = 0;
  waitpid(pid_, &status, 0);
  exit_status_ = exit_status_of(status);
  pid_ = -1;
  return exit_status_;
}

int free_port() {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool bound = bind(descriptor, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  close(descriptor);
  if (!bound) throw std::runtime_error("no free loopback port");
  return ntohs(address.sin_port);
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream all;
  all << file.rdbuf();
  return all.str();
}

void pause(std::chrono::milliseconds duration) { std::this_thread::sleep_for(duration); }

}  // namespace chexworld::test
