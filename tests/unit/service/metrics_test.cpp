// SPDX-License-Identifier: Apache-2.0
#include "service/metrics.h"

#include <gmock/gmock.h>
#include <stdexcept>

namespace chexworld {
namespace {

using testing::HasSubstr;

TEST(Metrics, AreRenderedAsPrometheusReadsThem) {
  Metrics metrics;
  metrics.declare_counter("x_requests_total", "Requests.");
  metrics.declare_histogram("x_seconds", "Time.", {0.1, 1});
  metrics.declare_gauge("x_queue", "Waiting.", [] { return std::vector<Metrics::Sample>{{{}, 3}}; });
  metrics.count("x_requests_total", {{"route", "/a"}, {"status", "200"}});
  metrics.count("x_requests_total", {{"route", "/a"}, {"status", "200"}}, 2);
  for (const double value : {0.05, 0.1, 0.5, 7.0}) metrics.observe("x_seconds", value);
  EXPECT_EQ(metrics.render(),
            "# HELP x_requests_total Requests.\n# TYPE x_requests_total counter\n"
            "x_requests_total{route=\"/a\",status=\"200\"} 3\n"
            "# HELP x_seconds Time.\n# TYPE x_seconds histogram\n"
            "x_seconds_bucket{le=\"0.1\"} 2\nx_seconds_bucket{le=\"1\"} 3\nx_seconds_bucket{le=\"+Inf\"} 4\n"
            "x_seconds_sum 7.65\nx_seconds_count 4\n"
            "# HELP x_queue Waiting.\n# TYPE x_queue gauge\nx_queue 3\n");
}

TEST(Metrics, LabelsAreEscaped) {
  Metrics metrics;
  metrics.declare_counter("x_total", "X.");
  metrics.count("x_total", {{"what", "a\"b\\c\nd"}});
  EXPECT_THAT(metrics.render(), HasSubstr("x_total{what=\"a\\\"b\\\\c\\nd\"} 1\n"));
}

TEST(Metrics, ASourceThatFailsLeavesTheOthers) {
  Metrics metrics;
  metrics.declare_gauge("x_broken", "X.", []() -> std::vector<Metrics::Sample> { throw std::runtime_error("down"); });
  metrics.declare_counter("x_total", "X.");
  metrics.count("x_total");
  EXPECT_THAT(metrics.render(), testing::AllOf(HasSubstr("x_total 1"), testing::Not(HasSubstr("x_broken"))));
}

TEST(Metrics, CountingWhatIsNotDeclaredIsADefect) {
  Metrics metrics;
  EXPECT_THROW(metrics.count("x_total"), std::out_of_range);
}

}  // namespace
}  // namespace chexworld
