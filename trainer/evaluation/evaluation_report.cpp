// SPDX-License-Identifier: Apache-2.0
#include "trainer/evaluation/evaluation_report.h"

#include "trainer/report/chart.h"
#include "trainer/report/html.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace chexworld {
namespace {

constexpr std::size_t kFewFindings = 4;
constexpr std::size_t kMostCurves = 8;  // colours and legend lines of one plot

std::string number(double value, const char* format = "%.3f") {
  if (!std::isfinite(value)) return "-";
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string readable(const std::string& name) {
  static const std::map<std::string, std::string> kNames{{"auroc", "AUROC"},
                                                         {"average_precision", "average precision"},
                                                         {"f1", "F1"},
                                                         {"brier", "Brier score"},
                                                         {"negative_predictive_value", "negative predictive value"},
                                                         {"balanced_accuracy", "balanced accuracy"},
                                                         {"calibration_error", "calibration error"}};
  const auto found = kNames.find(name);
  return found == kNames.end() ? name : found->second;
}

std::string cell(const std::string& text) { return "<td>" + escaped_html(text) + "</td>"; }
std::string head(const std::string& text) { return "<th>" + escaped_html(text) + "</th>"; }
std::string row(const std::string& cells) { return "<tr>" + cells + "</tr>"; }
std::string table(const std::string& rows) { return "<table class='grid'>" + rows + "</table>"; }
std::string note(const std::string& text) { return "<p class='note'>" + escaped_html(text) + "</p>"; }
std::string section(const std::string& title) { return "<h2>" + escaped_html(title) + "</h2>"; }

std::string facts(const Json& summary, const Evaluation& evaluation) {
  std::string rows;
  for (const auto& [key, value] : summary.items())
    rows += row(head(key) + cell(value.is_string() ? value.get<std::string>() : value.dump()));
  rows += row(head("films") + cell(std::to_string(evaluation.films)));
  rows += row(head("patients") + cell(std::to_string(evaluation.patients)));
  return "<table>" + rows + "</table>";
}

// ---- findings ----

std::string finding_table(const Evaluation& evaluation) {
  std::string heads = head("") + head("films with / without");
  for (const FindingEvaluation& one : evaluation.findings)
    if (&one == &evaluation.findings.front())
      for (const NamedEstimate& entry : one.numbers) heads += head(readable(entry.name));
  std::string rows = row(heads + head("threshold"));
  for (const FindingEvaluation& one : evaluation.findings) {
    std::string cells =
        head(one.name) + cell(std::to_string(one.counts.positive) + " / " + std::to_string(one.counts.negative));
    for (const NamedEstimate& entry : one.numbers) cells += cell(text_of(entry.estimate));
    rows += row(cells + cell(number(one.threshold)));
  }
  if (evaluation.findings.size() > 1) {
    std::string cells = head("mean") + cell("");
    for (const NamedEstimate& entry : evaluation.means) cells += cell(text_of(entry.estimate));
    rows += row(cells + cell(""));
  }
  return table(rows);
}

/// The same turned round, for so few findings that numbers may stand below each other.
std::string narrow_finding_table(const Evaluation& evaluation) {
  std::vector<std::string> rows{head(""), head("films with / without")};
  for (const NamedEstimate& entry : evaluation.means) rows.push_back(head(readable(entry.name)));
  rows.push_back(head("threshold"));
  for (const FindingEvaluation& one : evaluation.findings) {
    rows[0] += head(one.name);
    rows[1] += cell(std::to_string(one.counts.positive) + " / " + std::to_string(one.counts.negative));
    for (std::size_t i = 0; i < one.numbers.size(); ++i) rows[2 + i] += cell(text_of(one.numbers[i].estimate));
    rows.back() += cell(number(one.threshold));
  }
  if (evaluation.findings.size() > 1) {
    rows[0] += head("mean");
    for (std::size_t i = 0; i < evaluation.means.size(); ++i)
      rows[2 + i] += cell(text_of(evaluation.means[i].estimate));
  }
  std::string html;
  for (const std::string& cells : rows) html += row(cells);
  return table(html);
}

std::string class_table(const Evaluation& evaluation) {
  std::string rows;
  for (const NamedEstimate& entry : evaluation.classes)
    rows += row(head(readable(entry.name)) + cell(text_of(entry.estimate)));
  std::string confusion = head("true \\ predicted");
  for (const FindingEvaluation& one : evaluation.findings) confusion += head(one.name);
  std::string counts = row(confusion);
  const std::size_t classes = evaluation.findings.size();
  for (std::size_t i = 0; i < classes; ++i) {
    std::string cells = head(evaluation.findings[i].name);
    for (std::size_t j = 0; j < classes; ++j) cells += cell(number(evaluation.confusion[i * classes + j], "%.0f"));
    counts += row(cells);
  }
  return section("The most probable class") + table(rows) + table(counts);
}

// ---- curves ----

/// Shares of positives and negatives above each score, and where the threshold lies.
struct Curves {
  ChartLine roc, precision_recall;
  ChartMark roc_mark{0, 0}, precision_mark{0, 1};
};

Curves curves_of(const FindingEvaluation& one) {
  Curves curves;
  const std::string area = number(estimate_of(one.numbers, "auroc").value);
  curves.roc.name = one.name + " " + area;
  curves.precision_recall.name = one.name + " " + number(estimate_of(one.numbers, "average_precision").value);
  curves.roc.x = {0};
  curves.roc.y = {0};
  const double positives = double(one.counts.positive), negatives = double(one.counts.negative);
  for (const RankedScores::Point& point : one.points) {
    const double sensitivity = point.true_positives / positives, alarms = point.false_positives / negatives;
    const double precision = point.true_positives / (point.true_positives + point.false_positives);
    curves.roc.x.push_back(alarms);
    curves.roc.y.push_back(sensitivity);
    curves.precision_recall.x.push_back(sensitivity);
    curves.precision_recall.y.push_back(precision);
    if (point.score < one.threshold) continue;
    curves.roc_mark = {alarms, sensitivity};
    curves.precision_mark = {sensitivity, precision};
  }
  return curves;
}

ChartLine reliability_line(const FindingEvaluation& one) {
  ChartLine line{one.name + " " + number(estimate_of(one.numbers, "calibration_error").value), {}, {}, false, true};
  for (const ReliabilityBin& bin : one.bins) {
    if (bin.count == 0) continue;
    line.x.push_back(bin.mean_probability);
    line.y.push_back(bin.positive_share);
  }
  return line;
}

std::string plots(const std::vector<FindingEvaluation>& findings) {
  UnitChart roc{"ROC (area)", "1 - specificity", "sensitivity", {}, {}};
  UnitChart precision{"Precision and recall (average precision)", "recall (sensitivity)", "precision", {}, {}};
  UnitChart reliability{
      "Reliability (calibration error)", "mean probability in bin", "share of positives in bin", {}, {}, false};
  for (const FindingEvaluation& one : findings) {
    Curves curves = curves_of(one);
    roc.lines.push_back(std::move(curves.roc));
    roc.marks.push_back(curves.roc_mark);
    precision.lines.push_back(std::move(curves.precision_recall));
    precision.marks.push_back(curves.precision_mark);
    reliability.lines.push_back(reliability_line(one));
  }
  roc.lines.push_back({"", {0, 1}, {0, 1}, true});
  reliability.lines.push_back({"", {0, 1}, {0, 1}, true});
  return "<div class='plots'>" + unit_chart_svg(roc) + unit_chart_svg(precision) + unit_chart_svg(reliability) +
         "</div>";
}

/// The first findings in one set of plots, the next in another.
std::string all_plots(const Evaluation& evaluation) {
  std::string html = section("Curves");
  for (std::size_t begin = 0; begin < evaluation.findings.size(); begin += kMostCurves) {
    const auto first = evaluation.findings.begin() + std::ptrdiff_t(begin);
    html += plots({first, first + std::ptrdiff_t(std::min(kMostCurves, evaluation.findings.size() - begin))});
  }
  return html +
         note(
             "Rings mark the thresholds. A reliability curve below the diagonal means probabilities that are too "
             "high; bins with few films jump.");
}

// ---- subgroups ----

std::string subgroup_section(const SubgroupTable& subgroups) {
  std::string heads = head(subgroups.column) + head("films");
  for (const NamedEstimate& gap : subgroups.gaps) heads += head(readable(gap.name));
  std::string rows = row(heads);
  std::vector<IntervalRow> areas;
  double least = 0.5;
  for (const Subgroup& group : subgroups.groups) {
    std::string cells = head(group.value) + cell(std::to_string(group.films));
    for (const NamedEstimate& entry : group.numbers) cells += cell(text_of(entry.estimate));
    rows += row(cells);
    const Estimate area = estimate_of(group.numbers, "auroc");
    areas.push_back({group.value + " (" + std::to_string(group.films) + ")", area.value, area.low, area.high});
    if (std::isfinite(area.low)) least = std::min(least, area.low);
  }
  std::string cells = head("largest gap") + cell("");
  for (const NamedEstimate& gap : subgroups.gaps) cells += cell(text_of(gap.estimate));
  rows += row(cells);
  return section("By " + subgroups.column) + table(rows) +
         interval_svg("AUROC by " + subgroups.column, areas, std::floor(least * 10) / 10, 1);
}

std::string subgroup_sections(const Evaluation& evaluation) {
  std::string html;
  for (const SubgroupTable& subgroups : evaluation.subgroups) html += subgroup_section(subgroups);
  if (html.empty()) return html;
  return html + note(
                    "A gap is the largest value of a group less the smallest. It is never negative and grows with the "
                    "number of "
                    "small groups, so a gap whose interval begins near 0 says little. Groups differ in what "
                    "they are made of (age, view, disease), so a gap is a question, not its answer.");
}

}  // namespace

std::string evaluation_body(const Json& summary, const Evaluation& evaluation, const std::string& between) {
  std::string html = facts(summary, evaluation) + between;
  html += section("Findings");
  html += evaluation.findings.size() <= kFewFindings ? narrow_finding_table(evaluation) : finding_table(evaluation);
  html += note(
      "In parentheses: 95 % intervals, from drawing patients with all their films again and again. They tell how far "
      "the "
      "numbers would move with other patients of the same kind, and nothing about other hospitals.");
  if (!evaluation.classes.empty()) html += class_table(evaluation);
  return html + all_plots(evaluation) + subgroup_sections(evaluation);
}

std::string evaluation_report(const std::string& title, const Json& summary, const Evaluation& evaluation) {
  return html_page(title, evaluation_body(summary, evaluation));
}

}  // namespace chexworld
