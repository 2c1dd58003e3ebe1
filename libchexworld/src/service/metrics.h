// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace chexworld {

/// Counters, gauges and histograms in Prometheus' text format 0.0.4. What is measured is declared first, with a
/// sentence of help; counting something undeclared is a defect and throws std::out_of_range. Thread safe.
class Metrics {
 public:
  using Labels = std::vector<std::pair<std::string, std::string>>;
  using Sample = std::pair<Labels, double>;

  void declare_counter(const std::string& name, const std::string& help);
  /// `upper_bounds` ascending; +Inf is added.
  void declare_histogram(const std::string& name, const std::string& help, std::vector<double> upper_bounds);
  /// `read` is asked at every render, without our lock; what it throws leaves the metric out.
  void declare_gauge(const std::string& name, const std::string& help, std::function<std::vector<Sample>()> read);
  /// The same for a counter that somebody else keeps.
  void declare_read_counter(const std::string& name, const std::string& help,
                            std::function<std::vector<Sample>()> read);

  void count(const std::string& name, const Labels& labels = {}, double by = 1);
  void observe(const std::string& name, double value, const Labels& labels = {});

  /// Names in the order of declaration.
  std::vector<std::string> names() const;
  std::string render() const;

 private:
  struct Distribution {
    std::vector<double> in_bucket;  // one per bound, and one for +Inf; not cumulated
    double sum = 0;
  };
  struct Family {
    std::string name;
    std::string type;
    std::string help;
    std::vector<double> bounds;
    std::function<std::vector<Sample>()> read;
    std::map<std::string, double> counts;  // by rendered labels
    std::map<std::string, Distribution> distributions;
  };
  Family& declare(const std::string& name, const std::string& type, const std::string& help);
  static void render_family(const Family& family, std::string& text);

  mutable std::mutex mutex_;
  std::vector<Family> families_;              // guarded by mutex_
  std::map<std::string, std::size_t> place_;  // guarded by mutex_
};

}  // namespace chexworld
