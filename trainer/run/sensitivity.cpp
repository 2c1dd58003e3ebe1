// SPDX-License-Identifier: Apache-2.0
#include "trainer/run/sensitivity.h"

#include "base/failure.h"
#include "trainer/run/features.h"
#include "worldmodel/view_batch.h"

#include <algorithm>
#include <ATen/ATen.h>
#include <cmath>

namespace chexworld {
namespace {

/// Three factors of `count`, descending, as close to each other as it allows.
std::array<std::int64_t, 3> three_factors(std::int64_t count) {
  std::array<std::int64_t, 3> best{count, 1, 1};
  for (std::int64_t c = 1; c * c * c <= count; ++c)
    for (std::int64_t b = c; count % c == 0 && c * b * b <= count; ++b)
      if (count / c % b == 0 && count / c / b - c <= best[0] - best[2]) best = {count / c / b, b, c};
  return best;
}

/// Middle of cell `index` of `cells` equal ones.
double cell_middle(const Range& range, std::int64_t index, std::int64_t cells) {
  return range.least + (range.most - range.least) * (double(index) + 0.5) / double(cells);
}

Range logarithm_of(const Range& range) { return {std::log(range.least), std::log(range.most)}; }

at::Tensor images_of(const std::vector<GrayImage>& pictures) {
  return normalized(stack_films(pictures, at::kCPU).pixels, Normalization());
}

/// Recall@k of each film so far.
class Recalls {
 public:
  void add(const DomainSensitivity& found) {
    std::array<double, 3> row{};
    for (std::size_t i = 0; i < row.size(); ++i) row[i] = found.recall_at(kRecallRanks[i]);
    rows_.push_back(row);
  }
  RecallSummary summary() const {
    RecallSummary summary;
    const double count = double(rows_.size());
    for (std::size_t i = 0; i < kRecallRanks.size(); ++i) {
      double squares = 0;
      for (const auto& row : rows_) summary.mean[i] += row[i] / count;
      for (const auto& row : rows_) squares += (row[i] - summary.mean[i]) * (row[i] - summary.mean[i]) / count;
      summary.deviation[i] = std::sqrt(squares);
    }
    return summary;
  }

 private:
  std::vector<std::array<double, 3>> rows_;
};

void require_action(const WorldModel& model) {
  if (model.predictor().config().action_size == std::int64_t(Action().values().size())) return;
  fail(ErrorCode::kInvalidArgument,
       "this model's predictor takes no action (it was trained with the I-JEPA objective): there is no domain "
       "sensitivity to test");
}

Json json_of(const RecallSummary& summary) {
  Json json = Json::object();
  for (std::size_t i = 0; i < kRecallRanks.size(); ++i) {
    const std::string name = "recall@" + std::to_string(kRecallRanks[i]);
    json[name] = summary.mean[i];
    json[name + "_deviation"] = summary.deviation[i];
  }
  return json;
}

}  // namespace

std::vector<Action> action_grid(const ActionSettings& settings, std::int64_t count) {
  if (count < 1) fail(ErrorCode::kInvalidArgument, "domain sensitivity: needs at least one candidate");
  const auto [brightnesses, contrasts, gammas] = three_factors(count);
  std::vector<Action> grid;
  for (std::int64_t b = 0; b < brightnesses; ++b)
    for (std::int64_t c = 0; c < contrasts; ++c)
      for (std::int64_t g = 0; g < gammas; ++g) {
        Action action;
        action.brightness = float(cell_middle(settings.brightness, b, brightnesses));
        action.contrast = float(cell_middle(settings.contrast, c, contrasts));
        action.gamma = float(std::exp(cell_middle(logarithm_of(settings.gamma), g, gammas)));
        grid.push_back(action);
      }
  return grid;
}

DomainCandidates sensitivity_candidates(const GrayImage& film, const PretrainConfig& config, std::int64_t count,
                                        std::uint64_t seed, std::int64_t film_number) {
  const auto stream = [&](RandomPurpose purpose) { return RandomStream{seed, 0, std::uint64_t(film_number), purpose}; };
  StreamRandom random(stream(RandomPurpose::kOther)), noise(stream(RandomPurpose::kNoiseFirst));
  const ActionSettings settings = config.views().action;
  const GrayImage view = fitted_view(film, evaluation_recipe(config.image_size, {}));
  std::vector<GrayImage> targets, contexts;
  std::vector<Action> actions;
  for (const Action& action : action_grid(settings, count)) {
    targets.push_back(apply_action(view, action, noise));
    actions.push_back(draw_action(settings, random));
    contexts.push_back(apply_action(targets.back(), actions.back(), noise));
  }
  const MaskBatch masks =
      draw_batch(MaskSampler(config.masks()), seed, 0, std::uint64_t(film_number), std::array{film_number});
  return {images_of(targets), images_of(contexts), action_tensor(actions, at::kCPU),
          index_tensor(masks.contexts[0], at::kCPU), index_tensor(masks.targets[0], at::kCPU)};
}

SensitivityReport test_sensitivity(const WorldModel& model, const PretrainConfig& config, const Archive& archive,
                                   const std::vector<std::int64_t>& films, std::int64_t candidates, std::uint64_t seed,
                                   const SensitivityObserver& observer) {
  require_action(model);
  if (films.empty()) fail(ErrorCode::kInvalidArgument, "domain sensitivity: no films to test on");
  Recalls with, zeroed, identity;
  SensitivityReport report;
  report.candidates = candidates;
  for (const std::int64_t film : films) {
    const DomainCandidates input = sensitivity_candidates(archive.film(film), config, candidates, seed, film);
    const DomainEncodings encodings = encode_candidates(model, input);
    with.add(domain_sensitivity(model, encodings, input.actions));
    zeroed.add(domain_sensitivity(model, encodings, at::zeros_like(input.actions)));
    const std::vector<Action> nothing(static_cast<std::size_t>(candidates));
    identity.add(domain_sensitivity(model, encodings, action_tensor(nothing, at::kCPU)));
    if (++report.films; observer && !observer(report.films)) break;
  }
  report.with_action = with.summary();
  report.zeroed = zeroed.summary();
  report.identity = identity.summary();
  for (std::size_t i = 0; i < report.chance.size(); ++i)
    report.chance[i] = std::min(1.0, double(kRecallRanks[i]) / double(candidates));
  return report;
}

Json to_json(const SensitivityReport& report) {
  Json chance = Json::object();
  for (std::size_t i = 0; i < kRecallRanks.size(); ++i)
    chance["recall@" + std::to_string(kRecallRanks[i])] = report.chance[i];
  return {{"films", report.films},
          {"candidates", report.candidates},
          {"with_action", json_of(report.with_action)},
          {"zeroed_action", json_of(report.zeroed)},
          {"identity_action", json_of(report.identity)},
          {"chance", chance}};
}

}  // namespace chexworld
