// SPDX-License-Identifier: Apache-2.0
#include "trainer/run/probe.h"

#include "trainer/probe/cross_validation.h"

#include <ATen/ATen.h>

namespace chexworld {
namespace {

FeatureMatrix matrix_of(const at::Tensor& features) {
  const at::Tensor dense = features.to(at::kCPU, at::kFloat).contiguous();
  return FeatureMatrix::of({dense.const_data_ptr<float>(), std::size_t(dense.numel())}, std::size_t(dense.size(1)));
}

std::vector<double> at_rows(const std::vector<double>& scores, const std::vector<std::size_t>& rows) {
  std::vector<double> chosen;
  for (const std::size_t row : rows) chosen.push_back(scores[row]);
  return chosen;
}

}  // namespace

ProbeTask probe_task(const Archive& archive, const std::string& label_column, const std::string& positive,
                     const std::string& negative, const std::string& fold_column) {
  const FilmTable table(archive);
  ProbeTask task;
  task.labels = read_labels(table, table.films(), {.classes = label_column, .class_names = {negative, positive}});
  task.folds = given_folds(table, task.labels, fold_column);
  require_usable_folds(task.labels, task.folds);
  return task;
}

ProbeResult probe(const at::Tensor& features, const ProbeTask& task) {
  const FeatureMatrix rows = matrix_of(features);
  ProbeOptions options;
  options.calibration = CalibrationMethod::kNone;
  options.threshold.kind = ThresholdRule::Kind::kFixed;
  const CrossValidation found = cross_validate(rows, task.labels, task.folds, options);
  ProbeResult result;
  for (int fold = 0; fold < int(task.folds.count()); ++fold) {
    const std::vector<std::size_t> test = task.folds.inside(fold);
    std::vector<int> labels;
    for (const std::size_t row : test) labels.push_back(task.labels.at(row, 0) == LabelValue::kPositive);
    result.linear.push_back(auroc(at_rows(found.raw, test), labels));
    result.neighbours.push_back(auroc(at_rows(found.neighbours, test), labels));
  }
  return result;
}

}  // namespace chexworld
