// SPDX-License-Identifier: Apache-2.0
#include "trainer/run/probe.h"

#include "base/failure.h"

#include <algorithm>
#include <ATen/ATen.h>
#include <cmath>
#include <numeric>
#include <set>

namespace chexworld {
namespace {

using at::Tensor;

Tensor index_of(const std::vector<std::int64_t>& rows) { return at::tensor(rows, at::kLong); }

std::vector<double> numbers_of(const Tensor& tensor) {
  const Tensor dense = tensor.to(at::kDouble).contiguous();
  return {dense.const_data_ptr<double>(), dense.const_data_ptr<double>() + dense.numel()};
}

/// Newton's method on (1/2)|w|^2 + C sum s_i log(1 + exp(-y_i f_i)); the last column is the intercept, unpenalised.
Tensor logistic_weights(const Tensor& features, const Tensor& labels, double inverse_penalty) {
  const Tensor inputs = at::cat({features, at::ones({features.size(0), 1}, features.options())}, 1);
  const double positives = labels.sum().item<double>(), count = double(labels.numel());
  const Tensor weight =
      (labels * (count / (2 * positives)) + (1 - labels) * (count / (2 * (count - positives)))) * inverse_penalty;
  Tensor penalty = at::ones({inputs.size(1)}, inputs.options());
  penalty[-1] = 1e-9;
  Tensor w = at::zeros({inputs.size(1)}, inputs.options());
  for (int round = 0; round < 50; ++round) {
    const Tensor p = at::sigmoid(inputs.mv(w));
    const Tensor gradient = inputs.t().mv(weight * (p - labels)) + penalty * w;
    const Tensor hessian = (inputs.t() * (weight * p * (1 - p))).mm(inputs) + at::diag(penalty);
    const Tensor move = at::linalg_solve(hessian, gradient);
    w = w - move;
    if (move.abs().max().item<double>() < 1e-8) break;
  }
  return w;
}

Tensor linear_scores(const Tensor& train, const Tensor& labels, const Tensor& test, double inverse_penalty) {
  const Tensor w = logistic_weights(train, labels, inverse_penalty);
  const std::int64_t width = train.size(1);
  return test.mv(w.slice(0, 0, width)) + w[width];
}

Tensor neighbour_scores(const Tensor& train, const Tensor& labels, const Tensor& test, int neighbours) {
  const auto unit = [](const Tensor& rows) { return rows / rows.norm(2, {1}, true).clamp_min(1e-12); };
  const Tensor nearest = std::get<1>(unit(test).mm(unit(train).t()).topk(neighbours, 1));
  return labels.index_select(0, nearest.flatten()).view({test.size(0), neighbours}).mean(1);
}

}  // namespace

ProbeTask probe_task(const Archive& archive, const std::string& label_column, const std::string& positive,
                     const std::string& negative, const std::string& fold_column) {
  ProbeTask task;
  std::set<std::pair<int, int>> seen;
  for (std::int64_t film = 0; film < archive.size(); ++film) {
    const std::string& label = archive.value(film, label_column);
    const std::string& fold = archive.value(film, fold_column);
    if ((label != positive && label != negative) || fold.empty()) continue;
    if (fold.size() > 3 || fold.find_first_not_of("0123456789") != std::string::npos)
      fail(ErrorCode::kInvalidArgument, "column '" + fold_column + "' must hold numbers of folds");
    task.films.push_back(film);
    task.labels.push_back(label == positive);
    task.folds.push_back(std::stoi(fold));
    seen.emplace(task.folds.back(), task.labels.back());
  }
  const std::set<int> folds(task.folds.begin(), task.folds.end());
  if (folds.size() < 2 || seen.size() != 2 * folds.size())
    fail(ErrorCode::kInvalidArgument, "a probe needs at least two folds in '" + fold_column +
                                          "', each with films labelled '" + positive + "' and '" + negative + "' in '" +
                                          label_column + "'");
  return task;
}

ProbeResult probe(const at::Tensor& features, const ProbeTask& task, const ProbeOptions& options) {
  const Tensor rows = features.to(at::kDouble);
  const std::set<int> folds(task.folds.begin(), task.folds.end());
  ProbeResult result;
  for (const int fold : folds) {
    std::vector<std::int64_t> train, test;
    std::vector<int> test_labels;
    for (std::size_t i = 0; i < task.folds.size(); ++i)
      (task.folds[i] == fold ? test : train).push_back(std::int64_t(i));
    for (const std::int64_t i : test) test_labels.push_back(task.labels[std::size_t(i)]);
    const Tensor labels = at::tensor(task.labels, at::kDouble).index_select(0, index_of(train));
    const Tensor train_rows = rows.index_select(0, index_of(train));
    const Tensor mean = train_rows.mean(0), scale = train_rows.std(0, false).clamp_min(1e-12);
    const Tensor standard = (train_rows - mean) / scale;
    const Tensor tested = (rows.index_select(0, index_of(test)) - mean) / scale;
    result.linear.push_back(
        auroc(numbers_of(linear_scores(standard, labels, tested, options.inverse_penalty)), test_labels));
    result.neighbours.push_back(
        auroc(numbers_of(neighbour_scores(standard, labels, tested, options.neighbours)), test_labels));
  }
  return result;
}

double auroc(const std::vector<double>& scores, const std::vector<int>& labels) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return scores[a] < scores[b]; });
  double rank_sum = 0, positives = 0;
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    while (end < order.size() && scores[order[end]] == scores[order[begin]]) ++end;
    for (std::size_t i = begin; i < end; ++i) {
      if (labels[order[i]] == 0) continue;
      ++positives;
      rank_sum += double(begin + end + 1) / 2;  // mean rank of the tied, from 1
    }
    begin = end;
  }
  const double negatives = double(scores.size()) - positives;
  if (positives == 0 || negatives == 0) fail(ErrorCode::kInvalidArgument, "an AUROC needs both labels");
  return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives);
}

}  // namespace chexworld
