// SPDX-License-Identifier: Apache-2.0
#include "trainer/finetune/classifier_task.h"

#include "base/failure.h"
#include "trainer/evaluation/metrics.h"
#include "worldmodel/tensor_augment.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <cmath>

namespace chexworld {
namespace {

constexpr std::size_t kChunk = 64;  // films evaluated at once
constexpr float kMostWeight = 20;   // of a rare finding's positives

std::vector<std::int64_t> films_of(const LabelledFilms& labels, const std::vector<std::size_t>& rows) {
  std::vector<std::int64_t> films;
  for (const std::size_t row : rows) films.push_back(labels.films[row]);
  return films;
}

at::Tensor tensor_of(const std::vector<float>& values, at::IntArrayRef shape, at::Device device) {
  return at::tensor(values).reshape(shape).to(device);
}

/// f32[K], mean 1: classes weigh alike however many films they have.
std::vector<float> class_balance(const LabelledFilms& labels) {
  std::vector<float> weights;
  for (std::size_t k = 0; k < labels.findings.size(); ++k)
    weights.push_back(float(labels.size()) /
                      float(labels.findings.size() * std::max<std::size_t>(1, count_labels(labels, k).positive)));
  return weights;
}

at::Tensor balance_of(const LabelledFilms& train, bool wanted, at::Device device) {
  const auto count = std::int64_t(train.findings.size());
  if (!wanted) return at::ones({count}, device);
  const std::vector<float> weights = train.exclusive ? class_balance(train) : positive_weights(train);
  return tensor_of(weights, {count}, device).clamp(1 / kMostWeight, kMostWeight);
}

at::Tensor row_index(const std::vector<std::size_t>& rows, at::Device device) {
  return at::tensor(std::vector<std::int64_t>(rows.begin(), rows.end())).to(device);
}

/// f32[n,3,S,S]: films of the archive as `recipe` prepares them.
at::Tensor prepared_films(const Archive& archive, std::span<const std::int64_t> films,
                          const PreparationRecipe& recipe) {
  const std::int64_t side = recipe.side();
  at::Tensor images = at::empty({std::int64_t(films.size()), 3, side, side}, at::kFloat);
  float* target = images.mutable_data_ptr<float>();
  for (const std::int64_t film : films) {
    const std::vector<float> image = prepare(archive.film(film), recipe);
    target = std::copy(image.begin(), image.end(), target);
  }
  return images;
}

StackOptions stack_of(const FinetuneConfig& config) {
  return {config.freeze_encoder ? 0 : config.drop_path, config.gradient_checkpointing};
}

}  // namespace

HeadConfig head_config(const FinetuneConfig& config, const EncoderConfig& encoder, std::int64_t classes) {
  HeadConfig head;
  head.kind = head_kind(config.head);
  head.classes = classes;
  head.attention_heads = config.attention_heads > 0 ? config.attention_heads : encoder.heads;
  return head;
}

double mean_auroc(const LabelledFilms& labels, const std::vector<std::size_t>& rows,
                  const std::vector<double>& logits) {
  const std::size_t findings = labels.findings.size();
  double sum = 0;
  int counted = 0;
  for (std::size_t k = 0; k < findings; ++k) {
    std::vector<double> scores;
    std::vector<int> truth;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const LabelValue value = labels.at(rows[i], k);
      if (value != LabelValue::kPositive && value != LabelValue::kNegative) continue;
      scores.push_back(logits[i * findings + k]);
      truth.push_back(value == LabelValue::kPositive);
    }
    const double area = scores.empty() ? std::nan("") : RankedScores(scores, truth).auroc();
    if (std::isnan(area)) continue;
    sum += area;
    ++counted;
  }
  return counted > 0 ? sum / counted : std::nan("");
}

ClassifierTask::ClassifierTask(const FinetuneConfig& config, const EncoderStart& start, const Archive& archive,
                               const LabelledFilms& labels, const Split& split, std::uint64_t seed)
    : config_(config),
      start_(start),
      archive_(archive),
      labels_(labels),
      split_(split),
      device_(config.device),
      model_(start.encoder, head_config(config, start.encoder, std::int64_t(labels.findings.size())), stack_of(config)),
      batches_(archive, films_of(labels, split.train),
               {seed, config.batch_size, int(config.workers), config.views(start.encoder.image_size)}) {
  model_.initialise(seed);
  load_start(start, model_.encoder());
  model_.to(device_);
  if (config.freeze_encoder) model_.encoder().freeze();
  const auto shape = {std::int64_t(labels.size()), std::int64_t(labels.findings.size())};
  const TrainingTargets targets = training_targets(labels, uncertain_policy_from(config.uncertain));
  targets_ = tensor_of(targets.targets, shape, device_) * (1 - config.label_smoothing) + config.label_smoothing / 2;
  weights_ = tensor_of(targets.weights, shape, device_);
  balance_ = balance_of(labels.subset(split.train), config.class_weights, device_);
  if (!labels.exclusive) return;
  std::vector<std::size_t> classes;
  for (std::size_t row = 0; row < labels.size(); ++row) classes.push_back(labels.class_of(row));
  classes_ = row_index(classes, device_);
}

std::vector<ParameterGroup> ClassifierTask::groups() {
  return layer_decay_groups(model_.parameters(), "feature_model.", start_.encoder.depth, config_.layer_decay,
                            config_.weight_decay);
}

/// Missing labels have weight 0 and do not count.
at::Tensor ClassifierTask::loss_of(const at::Tensor& logits, const std::vector<std::size_t>& rows) const {
  const at::Tensor index = row_index(rows, device_), found = logits.to(at::kFloat);
  if (labels_.exclusive)
    return at::cross_entropy_loss(found, classes_.index_select(0, index), balance_, at::Reduction::Mean, -100,
                                  config_.label_smoothing);
  const at::Tensor weights = weights_.index_select(0, index);
  const at::Tensor sum = at::binary_cross_entropy_with_logits(found, targets_.index_select(0, index), weights, balance_,
                                                              at::Reduction::Sum);
  return sum / weights.sum().clamp_min(1);
}

at::Tensor ClassifierTask::next_loss() {
  const AugmentedBatch batch = batches_.next();
  const at::Tensor images = normalized(stack_films(batch.pictures, device_).pixels, start_.recipe.normalization);
  std::vector<std::size_t> rows;
  for (const std::size_t place : batch.rows) rows.push_back(split_.train[place]);
  return loss_of(model_(images), rows);
}

std::vector<double> ClassifierTask::logits(const std::vector<std::size_t>& rows) const {
  const c10::NoGradGuard no_gradient;
  const std::vector<std::int64_t> films = films_of(labels_, rows);
  const PreparationRecipe recipe = start_.recipe_for_archive();
  std::vector<double> logits;
  for (std::size_t begin = 0; begin < films.size(); begin += kChunk) {
    const auto chunk = std::span(films).subspan(begin, std::min(kChunk, films.size() - begin));
    const at::Tensor found = model_(prepared_films(archive_, chunk, recipe).to(device_));
    const at::Tensor values = found.to(at::kCPU, at::kDouble).contiguous();
    logits.insert(logits.end(), values.const_data_ptr<double>(), values.const_data_ptr<double>() + values.numel());
  }
  return logits;
}

Validation ClassifierTask::validate() {
  const std::vector<double> found = logits(split_.validation);
  Validation validation;
  validation.value = mean_auroc(labels_, split_.validation, found);
  const auto shape = {std::int64_t(split_.validation.size()), std::int64_t(labels_.findings.size())};
  const at::Tensor loss = loss_of(at::tensor(found).reshape(shape).to(device_), split_.validation);
  validation.numbers = {{"auroc", validation.value}, {"loss", loss.item<double>()}};
  return validation;
}

}  // namespace chexworld
