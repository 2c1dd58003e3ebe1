// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <string>
#include <sys/types.h>

namespace chexworld::bench {

/// A peer that runs in its own process beside us, so that both can be measured in turn.
///
/// The script bench/peers/NAME.py reads one request per line from standard input and answers each with
/// one line: the number it measured (seconds unless the benchmark says otherwise), or "error: why".
/// Imports and warm-up are its own business and not in the number.
class Peer {
 public:
  explicit Peer(const std::string& script);
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  /// Throws Failure when the peer reports an error or has died.
  double measure(const std::string& request);

 private:
  std::string script_;
  pid_t pid_ = -1;
  std::FILE* to_ = nullptr;
  std::FILE* from_ = nullptr;
};

}  // namespace chexworld::bench
