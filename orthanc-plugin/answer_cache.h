// SPDX-License-Identifier: GPL-3.0-or-later
//
// The last answers about results, for the time in which the worker cannot be asked.
#pragma once

#include "base/clock.h"
#include "base/config.h"

#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

namespace chexworld::plugin {

/// Thread safe. Keeps the answers that were used last, as long as they fit.
class AnswerCache {
 public:
  explicit AnswerCache(std::size_t most_bytes, Clock& clock = Clock::system())
      : most_bytes_(most_bytes), clock_(clock) {}

  /// What the worker answers to `target` now.
  void keep(const std::string& target, const std::string& body);
  /// It has no answer to this any more.
  void drop(const std::string& target);
  /// Something was deleted: forget everything.
  void clear();
  /// The last answer, if it is an object: with "answered_from": "cache" and "as_of", when the worker gave it (UTC).
  std::optional<Json> find(const std::string& target);

 private:
  struct Entry {
    std::string target;
    std::string body;
    Clock::WallTime at;
    std::size_t bytes() const { return target.size() + body.size(); }
  };
  using Entries = std::list<Entry>;  // used last first

  void erase(const std::string& target);

  const std::size_t most_bytes_;
  Clock& clock_;
  std::mutex mutex_;
  Entries entries_;                                             // guarded by mutex_
  std::unordered_map<std::string, Entries::iterator> by_name_;  // guarded by mutex_
  std::size_t bytes_ = 0;                                       // guarded by mutex_
};

}  // namespace chexworld::plugin
