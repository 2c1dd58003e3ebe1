// SPDX-License-Identifier: Apache-2.0
#include "service/metrics.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace chexworld {
namespace {

std::string number_text(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value);
  return {text, end.ptr};
}

/// a="b",c="d", with the three escapes of the format.
std::string labels_text(const Metrics::Labels& labels) {
  std::string text;
  for (const auto& [name, value] : labels) {
    text += (text.empty() ? "" : ",") + name + "=\"";
    for (const char c : value) {
      if (c == '\\' || c == '"') text += '\\';
      text += c == '\n' ? std::string("\\n") : std::string(1, c);
    }
    text += '"';
  }
  return text;
}

void add_line(std::string& text, const std::string& name, const std::string& labels, double value) {
  text += name + (labels.empty() ? "" : "{" + labels + "}") + " " + number_text(value) + "\n";
}

std::string joined(const std::string& labels, const std::string& more) {
  return labels.empty() ? more : labels + "," + more;
}

}  // namespace

Metrics::Family& Metrics::declare(const std::string& name, const std::string& type, const std::string& help) {
  place_[name] = families_.size();
  families_.push_back({name, type, help, {}, {}, {}, {}});
  return families_.back();
}

void Metrics::declare_counter(const std::string& name, const std::string& help) {
  const std::lock_guard lock(mutex_);
  declare(name, "counter", help);
}

void Metrics::declare_histogram(const std::string& name, const std::string& help, std::vector<double> upper_bounds) {
  const std::lock_guard lock(mutex_);
  declare(name, "histogram", help).bounds = std::move(upper_bounds);
}

void Metrics::declare_gauge(const std::string& name, const std::string& help,
                            std::function<std::vector<Sample>()> read) {
  const std::lock_guard lock(mutex_);
  declare(name, "gauge", help).read = std::move(read);
}

void Metrics::declare_read_counter(const std::string& name, const std::string& help,
                                   std::function<std::vector<Sample>()> read) {
  const std::lock_guard lock(mutex_);
  declare(name, "counter", help).read = std::move(read);
}

void Metrics::count(const std::string& name, const Labels& labels, double by) {
  const std::lock_guard lock(mutex_);
  families_[place_.at(name)].counts[labels_text(labels)] += by;
}

void Metrics::observe(const std::string& name, double value, const Labels& labels) {
  const std::lock_guard lock(mutex_);
  Family& family = families_[place_.at(name)];
  Distribution& distribution = family.distributions[labels_text(labels)];
  distribution.in_bucket.resize(family.bounds.size() + 1);
  const auto bound = std::lower_bound(family.bounds.begin(), family.bounds.end(), value);
  distribution.in_bucket[std::size_t(bound - family.bounds.begin())] += 1;
  distribution.sum += value;
}

std::vector<std::string> Metrics::names() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const Family& family : families_) names.push_back(family.name);
  return names;
}

void Metrics::render_family(const Family& family, std::string& text) {
  text += "# HELP " + family.name + " " + family.help + "\n# TYPE " + family.name + " " + family.type + "\n";
  for (const auto& [labels, value] : family.counts) add_line(text, family.name, labels, value);
  for (const auto& [labels, distribution] : family.distributions) {
    double below = 0;
    for (std::size_t i = 0; i <= family.bounds.size(); ++i) {
      below += distribution.in_bucket[i];
      const std::string bound = i < family.bounds.size() ? number_text(family.bounds[i]) : "+Inf";
      add_line(text, family.name + "_bucket", joined(labels, "le=\"" + bound + "\""), below);
    }
    add_line(text, family.name + "_sum", labels, distribution.sum);
    add_line(text, family.name + "_count", labels, below);
  }
}

std::string Metrics::render() const {
  std::vector<Family> families;
  {
    const std::lock_guard lock(mutex_);
    families = families_;
  }
  std::string text;
  for (Family& family : families) {
    if (family.read) {
      try {
        for (const auto& [labels, value] : family.read()) family.counts[labels_text(labels)] = value;
      } catch (const std::exception&) {
        continue;  // its source is down; the others still tell something
      }
    }
    render_family(family, text);
  }
  return text;
}

}  // namespace chexworld
