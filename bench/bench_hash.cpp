// SPDX-License-Identifier: Apache-2.0
//
// SHA-256 of a model-sized buffer: what naming a bundle costs.
#include "base/sha256.h"
#include "bench/support/peer.h"
#include "bench/support/report.h"

#include <vector>

int main(int argc, char** argv) {
  using namespace chexworld;
  constexpr std::size_t kBytes = 64u << 20;
  constexpr int kRounds = 7;
  const std::vector<std::byte> buffer(kBytes, std::byte{0x5a});
  bench::Report report("hash", argc, argv);
  bench::Peer peer("hash_hashlib.py");
  const auto ask_peer = [&] { return peer.measure(std::to_string(kBytes)); };
  report.add("sha256 64 MiB",
             bench::in_turn([&] { return bench::seconds([&] { sha256(buffer); }); }, ask_peer, kRounds),
             "Python hashlib", "s", bench::Better::kLess);
  report.add("sha256 64 MiB, portable",
             bench::in_turn([&] { return bench::seconds([&] { sha256_portable(buffer); }); }, ask_peer, kRounds),
             "Python hashlib", "s", bench::Better::kLess);
}
