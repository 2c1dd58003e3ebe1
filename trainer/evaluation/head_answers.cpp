// SPDX-License-Identifier: Apache-2.0
#include "trainer/evaluation/head_answers.h"

#include "base/failure.h"
#include "trainer/evaluation/calibration.h"

#include <algorithm>

namespace chexworld {
namespace {

std::vector<std::string> names_of(const BundleHead& head) {
  std::vector<std::string> names;
  for (const BundleLabel& label : head.labels) names.push_back(label.name);
  return names;
}

/// The outputs of the head that answer to the findings, in the order of the findings.
std::vector<std::size_t> outputs_of(const BundleHead& head, const std::vector<std::string>& findings) {
  const std::vector<std::string> names = names_of(head);
  std::vector<std::size_t> outputs;
  std::vector<std::string> missing;
  for (const std::string& finding : findings) {
    const auto found = std::find(names.begin(), names.end(), finding);
    if (found == names.end()) missing.push_back("'" + finding + "'");
    outputs.push_back(std::size_t(found - names.begin()));
  }
  if (!missing.empty())
    fail(ErrorCode::kInvalidArgument,
         "the head does not answer to " + listed(missing) + "; it has " + listed(names, 30));
  return outputs;
}

void require_same_kind(const BundleHead& head, const LabelledFilms& labels) {
  if (!labels.exclusive && !head.exclusive) return;
  if (labels.exclusive && head.exclusive && labels.findings.size() == head.labels.size()) return;
  fail(ErrorCode::kInvalidArgument, head.exclusive
                                        ? "the head has " + std::to_string(head.labels.size()) +
                                              " classes that exclude each other: labels must be the same classes"
                                        : "the head has findings that may come together, the labels are classes "
                                          "that exclude each other");
}

}  // namespace

LabelColumns columns_for(const BundleHead& head, const LabelColumns& asked) {
  LabelColumns columns = asked;
  if (!columns.classes.empty() && columns.class_names.empty() && head.exclusive) columns.class_names = names_of(head);
  return columns;
}

ScoredFilms head_answers(const BundleHead& head, std::span<const float> logits, const LabelledFilms& labels) {
  require_same_kind(head, labels);
  const std::vector<std::size_t> outputs = outputs_of(head, labels.findings);
  std::vector<Calibration> calibrations;
  for (const BundleLabel& label : head.labels) calibrations.push_back({label.slope, label.intercept});
  const std::vector<double> wide(logits.begin(), logits.end());
  const std::vector<double> all = probabilities_of(wide, calibrations, head.exclusive);
  ScoredFilms films{labels, {}, {}, {}};
  for (std::size_t row = 0; row < labels.size(); ++row)
    for (const std::size_t output : outputs) films.probabilities.push_back(all.at(row * head.labels.size() + output));
  for (const std::size_t output : outputs) films.thresholds.push_back(head.labels[output].threshold);
  return films;
}

}  // namespace chexworld
