// SPDX-License-Identifier: GPL-3.0-or-later
#include "orthanc-plugin/supervisor.h"

#include "base/failure.h"
#include "base/file.h"
#include "base/log.h"
#include "orthanc-plugin/line_reader.h"
#include "orthanc-plugin/pace.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace chexworld::plugin {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr int kLockDescriptor = 3;

/// Everything the child needs, prepared before the fork: between fork and exec of a program with threads only system
/// calls are safe.
struct Launch {
  std::vector<char*> arguments;
  int lock = -1;
  int output = -1;
  int parent = 0;
  int nice = 0;
};

[[noreturn]] void become_worker(const Launch& launch) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != launch.parent) _exit(0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGCHLD}) std::signal(signal, SIG_DFL);
  setpriority(PRIO_PROCESS, 0, launch.nice);
  setpgid(0, 0);  // Ctrl-C at Orthanc's terminal is Orthanc's; it will ask us to drain
  dup2(launch.output, STDOUT_FILENO);
  dup2(launch.output, STDERR_FILENO);
  dup2(launch.lock, kLockDescriptor);  // held as long as the worker lives
  syscall(SYS_close_range, kLockDescriptor + 1, ~0U, 0);
  execvp(launch.arguments[0], launch.arguments.data());
  _exit(127);
}

std::string described(int status) {
  if (WIFSIGNALED(status)) return "ended by signal " + std::to_string(WTERMSIG(status));
  return WEXITSTATUS(status) == 127 ? "could not be run" : "ended with status " + std::to_string(WEXITSTATUS(status));
}

/// The lock, or nothing while another worker holds it.
FileDescriptor take_lock(const std::filesystem::path& path) {
  FileDescriptor lock(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (lock.get() < 0) fail_errno("opening " + path.string(), errno);
  if (flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  fail(ErrorCode::kConflict, "another worker still holds " + path.string());
}

/// The worker's "2026-01-31T12:00:00.000 warning text" keeps its level and loses its time, which our log has too; what
/// anything else in its process prints is worth a warning.
void log_worker_line(const std::string& line) {
  const std::size_t level_at = line.find(' ') + 1;
  const std::size_t text_at = line.find(' ', level_at) + 1;
  const std::string level = text_at == 0 ? "" : line.substr(level_at, text_at - 1 - level_at);
  if (level == "debug" || level == "info") return log_info("worker: " + line.substr(text_at));
  if (level == "warning") return log_warning("worker: " + line.substr(text_at));
  if (level == "error") return log_error("worker: " + line.substr(text_at));
  log_warning("worker: " + line);
}

/// `at_least` above standard streams and the lock's place, so that nothing is overwritten while moved.
FileDescriptor moved_up(FileDescriptor descriptor) {
  return FileDescriptor(fcntl(descriptor.get(), F_DUPFD_CLOEXEC, kLockDescriptor + 1));
}

/// Whether a file that was there has gone.
bool vanished(const std::filesystem::path& file, bool& seen) {
  if (file.empty()) return false;
  std::error_code ignored;
  const bool there = std::filesystem::exists(file, ignored);
  if (there) seen = true;
  return seen && !there;
}

}  // namespace

Supervisor::Supervisor(SupervisorOptions options)
    : options_(std::move(options)), stop_signal_(eventfd(0, EFD_CLOEXEC)) {
  std::filesystem::create_directories(options_.lock_file.parent_path());
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Supervisor::~Supervisor() {
  stop();
  close(stop_signal_);
}

void Supervisor::stop() {
  thread_.request_stop();
  const std::uint64_t one = 1;
  static_cast<void>(!write(stop_signal_, &one, sizeof one));
  if (thread_.joinable()) thread_.join();
}

SupervisorState Supervisor::state() const {
  const std::scoped_lock lock(mutex_);
  return state_;
}

/// This thread must live as long as the worker: the worker's parent-death signal is about the thread.
void Supervisor::run(const std::stop_token& stop) {
  Patience patience(options_.first_pause, options_.longest_pause);
  while (!stop.stop_requested()) {
    const auto started = SteadyClock::now();
    const Result<void> ran = capture([&] { run_once(stop); });
    if (stop.stop_requested()) return;
    if (!ran.ok()) log_warning("the worker cannot be started: " + ran.error().message());
    if (SteadyClock::now() - started >= options_.healthy_after) patience.renew();
    pollfd stopped{stop_signal_, POLLIN, 0};
    poll(&stopped, 1, int(patience.next().count()));
    const std::scoped_lock lock(mutex_);
    ++state_.restarts;
  }
}

void Supervisor::run_once(const std::stop_token& stop) {
  const FileDescriptor lock = moved_up(take_lock(options_.lock_file));
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) fail_errno("making a pipe", errno);
  const FileDescriptor output(ends[0]);
  FileDescriptor theirs = moved_up(FileDescriptor(ends[1]));
  Launch launch{.lock = lock.get(), .output = theirs.get(), .parent = int(getpid()), .nice = options_.nice};
  for (const std::string& word : options_.command) launch.arguments.push_back(const_cast<char*>(word.c_str()));
  launch.arguments.push_back(nullptr);
  const pid_t pid = fork();
  if (pid < 0) fail_errno("starting a process", errno);
  if (pid == 0) become_worker(launch);
  theirs = FileDescriptor();
  {
    const std::scoped_lock guard(mutex_);
    state_.process = int(pid);
  }
  const FileDescriptor process(int(syscall(SYS_pidfd_open, pid, 0)));
  watch(process.get(), output.get(), stop);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  ended(status);
}

/// Carries the worker's lines to the log until it has ended.
void Supervisor::watch(int process, int output, const std::stop_token& stop) {
  LineReader lines(log_worker_line);
  std::optional<SteadyClock::time_point> kill_at;
  bool seen = false;  // the file that the worker needs
  const int look = options_.needed_file.empty() ? -1 : int(options_.look_every.count());
  pollfd wanted[] = {{process, POLLIN, 0}, {output, POLLIN, 0}, {stop_signal_, POLLIN, 0}};
  for (;;) {
    poll(wanted, kill_at ? 2 : 3, kill_at ? 100 : look);
    const bool lost = vanished(options_.needed_file, seen);
    if (lost && !kill_at) log_warning("the worker's store was deleted; the worker is started anew");
    if ((stop.stop_requested() || lost) && !kill_at) {
      syscall(SYS_pidfd_send_signal, process, SIGTERM, nullptr, 0);
      kill_at = SteadyClock::now() + options_.drain_timeout;
    }
    if (kill_at && SteadyClock::now() > *kill_at) syscall(SYS_pidfd_send_signal, process, SIGKILL, nullptr, 0);
    if (wanted[1].revents & (POLLIN | POLLHUP) && !lines.read_from(output)) wanted[1].fd = -1;  // it closed its output
    if (wanted[0].revents & POLLIN) return;
  }
}

void Supervisor::ended(int status) {
  const std::string how = described(status);
  log_warning("the worker " + how);
  const std::scoped_lock lock(mutex_);
  state_.process = 0;
  state_.last_end = how;
}

}  // namespace chexworld::plugin
