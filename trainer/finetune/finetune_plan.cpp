// SPDX-License-Identifier: Apache-2.0
#include "trainer/finetune/finetune_plan.h"

#include "base/failure.h"

#include <algorithm>

namespace chexworld {
namespace {

constexpr int kDrawnParts = 5;

std::string with_seed(const std::string& name, std::int64_t number) {
  return number == 0 ? name : name + "-seed-" + std::to_string(number);
}

void require_sides(const LabelledFilms& labels, const Split& split, const std::string& name) {
  for (const auto& [side, rows] :
       {std::pair("training", &split.train), {"validation", &split.validation}, {"test", &split.test}}) {
    if (rows->empty()) fail(ErrorCode::kInvalidArgument, name + ": no films for " + side);
    within(name + ", " + side + " films", [&] { require_both_values(labels.subset(*rows)); });
  }
}

/// -1 where there is none.
int validation_part(const Folds& parts) {
  for (const char* name : {"val", "valid", "validation"}) {
    const auto found = std::find(parts.names.begin(), parts.names.end(), name);
    if (found != parts.names.end()) return int(found - parts.names.begin());
  }
  return -1;
}

std::vector<PlannedModel> one_per_seed(const LabelledFilms& labels, const Folds& folds, int test, int validation,
                                       const FitConfig& config) {
  std::vector<PlannedModel> models;
  for (std::int64_t number = 0; number < config.seeds; ++number) {
    const auto seed = std::uint64_t(config.seed + number);
    PlannedModel model{with_seed("split", number), folds.names[std::size_t(test)], seed,
                       split_with(labels, folds, test, validation, int(config.validation_parts), seed)};
    require_sides(labels, model.split, "the split");
    models.push_back(std::move(model));
  }
  return models;
}

}  // namespace

std::vector<PlannedModel> cross_validation(const LabelledFilms& labels, const Folds& folds,
                                           const std::vector<std::string>& chosen, const FitConfig& config) {
  require_usable_folds(labels, folds);
  const std::vector<std::string>& names = chosen.empty() ? folds.names : chosen;
  std::vector<PlannedModel> models;
  for (std::int64_t number = 0; number < config.seeds; ++number) {
    for (const std::string& fold : names) {
      const auto seed = std::uint64_t(config.seed + number);
      PlannedModel model{with_seed("fold-" + fold, number), fold, seed,
                         split_with(labels, folds, folds.number_of(fold), -1, int(config.validation_parts), seed)};
      require_sides(labels, model.split, "fold '" + fold + "'");
      models.push_back(std::move(model));
    }
  }
  return models;
}

std::vector<PlannedModel> given_split(const LabelledFilms& labels, const Folds& parts, const FitConfig& config) {
  return one_per_seed(labels, parts, parts.number_of("test"), validation_part(parts), config);
}

std::vector<PlannedModel> drawn_split(const LabelledFilms& labels, const FitConfig& config) {
  return one_per_seed(labels, draw_folds(labels, kDrawnParts, std::uint64_t(config.seed)), 0, -1, config);
}

PlannedModel final_model(const LabelledFilms& labels, const Folds& folds, const FitConfig& config) {
  std::vector<std::size_t> rows;
  for (std::size_t row = 0; row < folds.of.size(); ++row)
    if (folds.of[row] >= 0) rows.push_back(row);
  const auto seed = std::uint64_t(config.seed);
  const Folds drawn = draw_folds(labels.subset(rows), int(config.validation_parts), seed);
  PlannedModel model{"final", "", seed, {}};
  for (std::size_t i = 0; i < rows.size(); ++i)
    (drawn.of[i] == 0 ? model.split.validation : model.split.train).push_back(rows[i]);
  require_no_leakage(labels, model.split);
  return model;
}

}  // namespace chexworld
