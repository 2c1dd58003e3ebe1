// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cerrno>
#include <functional>
#include <string>
#include <unistd.h>

namespace chexworld::plugin {

/// Cuts what comes through a pipe into lines of at most 2000 bytes.
class LineReader {
 public:
  explicit LineReader(std::function<void(const std::string&)> use) : use_(std::move(use)) {}

  /// Takes what is there; false at the end.
  bool read_from(int descriptor) {
    char block[4096];
    const ssize_t count = read(descriptor, block, sizeof block);
    if (count < 0) return errno == EINTR || errno == EAGAIN;
    for (ssize_t i = 0; i < count; ++i) {
      if (block[i] != '\n') line_ += block[i];
      if (block[i] == '\n' || line_.size() >= kLongest) flush();
    }
    if (count == 0) flush();
    return count > 0;
  }

 private:
  static constexpr std::size_t kLongest = 2000;

  void flush() {
    if (!line_.empty()) use_(line_);
    line_.clear();
  }

  std::function<void(const std::string&)> use_;
  std::string line_;
};

}  // namespace chexworld::plugin
