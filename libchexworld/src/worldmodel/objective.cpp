// SPDX-License-Identifier: Apache-2.0
#include "worldmodel/objective.h"

#include "base/failure.h"
#include "worldmodel/predict_together.h"

namespace chexworld {
namespace {

struct Sides {
  at::Tensor first, second;  // view 1, view 2
};

Sides split(const at::Tensor& both) {
  const std::int64_t batch = both.size(0) / 2;
  return {both.narrow(0, 0, batch), both.narrow(0, batch, batch)};
}

Sides teacher_images(const DualViewBatch& batch, const Objective& objective) {
  if (objective.reverse) return {batch.augmented1, batch.augmented2};
  return {batch.view1, batch.view2};
}

Sides student_images(const DualViewBatch& batch, const Objective& objective) {
  if (objective.reverse || !objective.domain) return {batch.view1, batch.view2};
  return {batch.augmented1, batch.augmented2};
}

at::Tensor unless(bool disabled, const at::Tensor& values) { return disabled ? at::zeros_like(values) : values; }

at::Tensor every_position(const at::Tensor& positions, std::int64_t patches) {
  return at::arange(patches, positions.options()).expand({positions.size(0), -1});
}

/// What is asked of the predictor: from one view's context, one view's patches.
struct Request {
  const at::Tensor& context;
  const at::Tensor& context_positions;
  const at::Tensor& target_positions;
  const at::Tensor& action;
  at::Tensor relative_position;
  const at::Tensor& target_features;  // f32[B,N,D]
};

/// Sorts the terms' requests and answers them together.
class Questions {
 public:
  explicit Questions(const Predictor& predictor) : predictor_(predictor) {}

  void ask(Term& term, const Request& request) {
    term.target = gather_tokens(request.target_features, request.target_positions);
    terms_.push_back(&term);
    inputs_.push_back({request.context, request.context_positions, request.target_positions, request.action,
                       request.relative_position});
  }

  void answer() {
    const std::vector<at::Tensor> predicted = predict_together(predictor_, inputs_);
    for (std::size_t i = 0; i < terms_.size(); ++i) terms_[i]->predicted = predicted[i];
  }

 private:
  const Predictor& predictor_;
  std::vector<Term*> terms_;
  std::vector<PredictorInput> inputs_;
};

/// sqrt(variance over tokens + 1e-4), unbiased: f32[B,D].
at::Tensor deviation_of(const at::Tensor& predicted) { return (predicted.to(at::kFloat).var(1, true) + 1e-4).sqrt(); }

at::Tensor combine(const at::Tensor& intra, const at::Tensor& extra, const Objective& objective) {
  const double weight = objective.global_weight;
  const at::Tensor sum = extra.defined() ? intra + weight * extra : intra;
  switch (objective.combination) {
    case Combination::kWeightedMean: return extra.defined() ? sum / (1 + weight) : sum;
    case Combination::kWeightedSum: return sum;
    case Combination::kPlainSum: return 2 * sum;
  }
  fail(ErrorCode::kInternal, "objective: unknown combination");
}

std::vector<const Term*> used_terms(const WorldModelTerms& terms) {
  std::vector<const Term*> used;
  for (const Term* term : {&terms.term11, &terms.term22, &terms.term21, &terms.term12}) {
    if (term->predicted.defined()) used.push_back(term);
  }
  return used;
}

at::Tensor mean_deviation(const WorldModelTerms& terms) {
  std::vector<at::Tensor> deviations;
  for (const Term* term : used_terms(terms)) deviations.push_back(deviation_of(term->predicted));
  return at::stack(deviations).mean(0);
}

}  // namespace

void DualViewBatch::share_positions(const at::Tensor& context, const at::Tensor& target, const at::Tensor& shuffle) {
  context_positions1 = context;
  target_positions1 = target;
  context_positions2 = context.index_select(0, shuffle);
  target_positions2 = target.index_select(0, shuffle);
}

at::Tensor distance_between(const at::Tensor& predicted, const at::Tensor& target, Distance distance) {
  const at::Tensor left = predicted.to(at::kFloat), right = target.to(at::kFloat);
  return distance == Distance::kMeanSquared ? at::mse_loss(left, right) : at::smooth_l1_loss(left, right);
}

WorldModelTerms world_model_terms(const WorldModel& model, const DualViewBatch& batch, const Objective& objective) {
  const Sides teacher = teacher_images(batch, objective), student = student_images(batch, objective);
  const Sides features =
      split(model.target_features(at::cat({teacher.first, teacher.second}), objective.target_layers));
  const std::vector<at::Tensor> context = encode_together(
      model.encoder(), {{student.first, batch.context_positions1}, {student.second, batch.context_positions2}});
  const bool no_action = objective.disable_action || !objective.domain;
  const Sides action{unless(no_action, batch.action1), unless(no_action, batch.action2)};
  const at::Tensor here = at::zeros_like(batch.relative_position21);

  WorldModelTerms terms;
  Questions questions(model.predictor());
  questions.ask(terms.term11,
                {context[0], batch.context_positions1, batch.target_positions1, action.first, here, features.first});
  questions.ask(terms.term22,
                {context[1], batch.context_positions2, batch.target_positions2, action.second, here, features.second});
  if (objective.global) {
    const std::int64_t patches = model.encoder().config().patches();
    const auto asked = [&](const at::Tensor& positions) {
      return objective.all_patches ? every_position(positions, patches) : positions;
    };
    const at::Tensor asked1 = asked(batch.target_positions1), asked2 = asked(batch.target_positions2);
    const bool nowhere = objective.disable_relative_position;
    questions.ask(terms.term21, {context[0], batch.context_positions1, asked2, action.first,
                                 unless(nowhere, batch.relative_position21), features.second});
    questions.ask(terms.term12, {context[1], batch.context_positions2, asked1, action.second,
                                 unless(nowhere, batch.relative_position12), features.first});
  }
  questions.answer();
  return terms;
}

WorldModelLoss world_model_loss(const WorldModelTerms& terms, const Objective& objective) {
  const auto distance = [&](const Term& term) {
    return term.predicted.defined() ? distance_between(term.predicted, term.target, objective.distance) : at::Tensor();
  };
  const at::Tensor l11 = distance(terms.term11), l22 = distance(terms.term22);
  const at::Tensor l21 = distance(terms.term21), l12 = distance(terms.term12);
  const at::Tensor intra = (l11 + l22) / 2, extra = l21.defined() ? (l21 + l12) / 2 : at::Tensor();
  const at::Tensor deviation = mean_deviation(terms);
  at::Tensor loss = combine(intra, extra, objective);
  if (objective.variance_weight != 0) loss = loss + objective.variance_weight * at::relu(1 - deviation).mean();
  const auto only_value = [](const at::Tensor& value) { return value.defined() ? value.detach() : value; };
  return {loss,
          only_value(intra),
          only_value(extra),
          only_value(l11),
          only_value(l22),
          only_value(l21),
          only_value(l12),
          deviation.mean().detach()};
}

}  // namespace chexworld
