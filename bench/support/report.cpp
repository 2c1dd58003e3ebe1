// SPDX-License-Identifier: Apache-2.0
#include "bench/support/report.h"

#include "base/config.h"
#include "base/file.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>

namespace chexworld::bench {

Spread spread_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  const double median = values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {median, values.front(), values.back()};
}

double seconds(const std::function<void()>& action) {
  const auto start = std::chrono::steady_clock::now();
  action();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Comparison in_turn(const std::function<double()>& ours, const std::function<double()>& peer, int rounds) {
  ours();
  peer();
  std::vector<double> our_values, peer_values;
  for (int i = 0; i < rounds; ++i) {
    our_values.push_back(ours());
    peer_values.push_back(peer());
  }
  return {spread_of(our_values), spread_of(peer_values)};
}

Report::Report(std::string bench, int argc, char** argv) : bench_(std::move(bench)) {
  for (int i = 1; i + 1 < argc; ++i) {
    if (std::strcmp(argv[i], "--json") == 0) json_path_ = argv[i + 1];
  }
  std::printf("%-34s %12s %24s %12s %24s %7s  %s\n", bench_.c_str(), "ours", "(least .. most)", "peer",
              "(least .. most)", "ratio", "unit, peer");
}

void Report::add(const std::string& name, const Comparison& figures, const std::string& peer_name,
                 const std::string& unit, Better better) {
  const double ratio =
      better == Better::kLess ? figures.peer.median / figures.ours.median : figures.ours.median / figures.peer.median;
  std::printf("%-34s %12.5g (%9.4g .. %9.4g) %12.5g (%9.4g .. %9.4g) %7.2f  %s, %s\n", name.c_str(),
              figures.ours.median, figures.ours.least, figures.ours.most, figures.peer.median, figures.peer.least,
              figures.peer.most, ratio, unit.c_str(), peer_name.c_str());
  std::fflush(stdout);
  const Json line = {{"bench", bench_},
                     {"case", name},
                     {"ours", figures.ours.median},
                     {"peer", figures.peer.median},
                     {"peer_name", peer_name},
                     {"ratio", ratio},
                     {"unit", unit}};
  json_lines_.push_back(line.dump());
}

Report::~Report() {
  std::string text;
  for (const std::string& line : json_lines_) text += line + "\n";
  std::printf("\n%s", text.c_str());
  if (!json_path_.empty()) write_file_atomically(json_path_, text);
}

}  // namespace chexworld::bench
