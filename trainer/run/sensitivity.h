// SPDX-License-Identifier: Apache-2.0
//
// The paper's test of a world model, over films: n versions of a film by an even grid of actions are the candidates;
// each is augmented again by a random action; from that, told the action, the predictor must find the version it came
// from (specification, section 6).
#pragma once

#include "trainer/archive/archive.h"
#include "trainer/run/pretrain_config.h"
#include "worldmodel/domain_sensitivity.h"

#include <array>
#include <functional>

namespace chexworld {

/// The k of recall@k, as the paper reports them.
inline constexpr std::array<std::int64_t, 3> kRecallRanks{1, 3, 5};

/// Over films: mean and standard deviation of recall@k, k as in kRecallRanks.
struct RecallSummary {
  std::array<double, 3> mean{}, deviation{};
};

struct SensitivityReport {
  std::int64_t films = 0;
  std::int64_t candidates = 0;
  RecallSummary with_action;  ///< told how the context was augmented
  RecallSummary zeroed;       ///< action vector all zeros: the paper's "without"
  RecallSummary identity;     ///< told that nothing was done (1, 1, 1, 0, 0)
  std::array<double, 3> chance{};
};

/// `count` actions evenly over the ranges of brightness, contrast and gamma (the last in the logarithm), at the middles
/// of equal cells; as many values for each as nearly equal as `count` divides: 4 x 4 x 4 for 64, 4 x 2 x 2 for 16.
std::vector<Action> action_grid(const ActionSettings& settings, std::int64_t count);

/// The test's input from one film, which is seen whole, as in evaluation. All random choices are functions of
/// (seed, film): the actions are drawn as in training, the masks too.
DomainCandidates sensitivity_candidates(const GrayImage& film, const PretrainConfig& config, std::int64_t count,
                                        std::uint64_t seed, std::int64_t film_number);

/// Told the films done. Returning false ends the test early, over the films so far.
using SensitivityObserver = std::function<bool(std::int64_t)>;

/// `config`: of the model's run. Throws Failure(kInvalidArgument) for a model whose predictor takes no action, and
/// where there is no film.
SensitivityReport test_sensitivity(const WorldModel& model, const PretrainConfig& config, const Archive& archive,
                                   const std::vector<std::int64_t>& films, std::int64_t candidates, std::uint64_t seed,
                                   const SensitivityObserver& observer = {});

Json to_json(const SensitivityReport& report);

}  // namespace chexworld
