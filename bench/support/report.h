// SPDX-License-Identifier: Apache-2.0
//
// How every benchmark measures and reports: ours and the peer in turn within one run, medians, spread.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace chexworld::bench {

/// Median and range of several measurements, in the measurement's own unit.
struct Spread {
  double median = 0;
  double least = 0;
  double most = 0;
};
Spread spread_of(std::vector<double> values);

/// Seconds that `action` takes.
double seconds(const std::function<void()>& action);

struct Comparison {
  Spread ours;
  Spread peer;
};

/// Calls the two in turn, once each uncounted and then `rounds` times; each returns its measurement.
Comparison in_turn(const std::function<double()>& ours, const std::function<double()>& peer, int rounds);

enum class Better { kLess, kMore };  ///< seconds and bytes: less; images per second: more

/// One run's figures: a table for people, one JSON line per figure
/// {"bench","case","ours","peer","peer_name","ratio","unit"} for machines; ratio > 1 means ours is better.
class Report {
 public:
  /// Reads --json FILE from the command line: where the JSON lines go besides standard output.
  Report(std::string bench, int argc, char** argv);
  ~Report();
  Report(const Report&) = delete;
  Report& operator=(const Report&) = delete;

  void add(const std::string& name, const Comparison& figures, const std::string& peer_name, const std::string& unit,
           Better better);

 private:
  std::string bench_;
  std::string json_path_;
  std::vector<std::string> json_lines_;
};

}  // namespace chexworld::bench
