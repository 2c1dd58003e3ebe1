// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.h"

#include <csignal>
#include <cstdio>
#include <ctime>
#include <unistd.h>

namespace chexworld::cli {
namespace {

constexpr auto kTerminalInterval = std::chrono::milliseconds(200);
constexpr auto kPlainInterval = std::chrono::seconds(10);
constexpr int kBarWidth = 24;

volatile std::sig_atomic_t interrupt_seen = 0;
volatile std::sig_atomic_t interrupt_second = 0;  // of the monotonic clock

int monotonic_second() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int(now.tv_sec);
}

/// Launchers send one signal to the process and the same to its group: what comes at once counts once.
void on_interrupt(int signal) {
  if (interrupt_seen == 0) {
    interrupt_seen = 1;
    interrupt_second = monotonic_second();
  } else if (monotonic_second() - interrupt_second > 1) {
    std::signal(signal, SIG_DFL);
    raise(signal);
  }
}

std::string bar(std::int64_t done, std::int64_t total) {
  const auto filled = int(kBarWidth * done / total);
  return "[" + std::string(std::size_t(filled), '#') + std::string(std::size_t(kBarWidth - filled), '.') + "] ";
}

}  // namespace

ProgressLine::ProgressLine(std::string unit)
    : unit_(std::move(unit)), terminal_(isatty(STDERR_FILENO) == 1), start_(std::chrono::steady_clock::now()) {}

ProgressLine::~ProgressLine() { finish(); }

void ProgressLine::show(std::int64_t done, std::int64_t total, const std::string& detail) {
  const Time now = std::chrono::steady_clock::now();
  const bool last = total > 0 && done >= total;
  if (first_ < 0) first_ = done;
  if (!last && now - shown_ < (terminal_ ? std::chrono::duration<double>(kTerminalInterval) : kPlainInterval)) return;
  shown_ = now;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double rate = seconds > 0 ? double(done - first_) / seconds : 0;
  std::string line = terminal_ && total > 0 ? bar(done, total) : "";
  line += std::to_string(done) + (total > 0 ? "/" + std::to_string(total) : "") + " " + unit_;
  char text[64];
  std::snprintf(text, sizeof text, ", %.1f/s", rate);
  line += text;
  if (total > done && rate > 0)
    line += ", " + duration_text(std::chrono::seconds(std::int64_t(double(total - done) / rate))) + " left";
  if (!detail.empty()) line += ", " + detail;
  std::fprintf(stderr, terminal_ ? "\r\033[K%s" : "%s\n", line.c_str());
  open_ = terminal_;
}

void ProgressLine::finish() {
  if (open_) std::fputc('\n', stderr);
  open_ = false;
}

std::string duration_text(std::chrono::seconds duration) {
  const long long seconds = duration.count();
  char text[64];
  if (seconds >= 3600) {
    std::snprintf(text, sizeof text, "%lld h %02lld min", seconds / 3600, seconds / 60 % 60);
  } else if (seconds >= 60) {
    std::snprintf(text, sizeof text, "%lld min %02lld s", seconds / 60, seconds % 60);
  } else {
    std::snprintf(text, sizeof text, "%lld s", seconds);
  }
  return text;
}

void catch_interrupts() {
  interrupt_seen = 0;
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
}

bool interrupted() { return interrupt_seen != 0; }

}  // namespace chexworld::cli
