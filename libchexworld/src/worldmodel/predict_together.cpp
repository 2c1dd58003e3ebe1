// SPDX-License-Identifier: Apache-2.0
#include "worldmodel/predict_together.h"

#include <map>

namespace chexworld {
namespace {

using Members = std::vector<std::size_t>;

/// One member's rows of all members, one below the other; undefined where the tensors are.
template <class Input>
at::Tensor joined(const std::vector<Input>& inputs, const Members& members, at::Tensor Input::* field) {
  std::vector<at::Tensor> rows;
  for (const std::size_t member : members) rows.push_back(inputs[member].*field);
  return rows.size() == 1 || !rows[0].defined() ? rows[0] : at::cat(rows);
}

/// Hands the rows of `result` back to the members they came from.
template <class Input>
void deal_out(const at::Tensor& result, const std::vector<Input>& inputs, const Members& members,
              at::Tensor Input::* field, std::vector<at::Tensor>& results) {
  std::int64_t row = 0;
  for (const std::size_t member : members) {
    const std::int64_t count = (inputs[member].*field).size(0);
    results[member] = result.narrow(0, row, count);
    row += count;
  }
}

}  // namespace

std::vector<at::Tensor> encode_together(const VisionTransformer& encoder, const std::vector<ContextInput>& inputs) {
  std::map<std::pair<std::int64_t, std::int64_t>, Members> alike;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    alike[{inputs[i].images.size(2), inputs[i].positions.size(1)}].push_back(i);
  std::vector<at::Tensor> results(inputs.size());
  for (const auto& [shape, members] : alike) {
    const at::Tensor tokens = encoder.tokens(joined(inputs, members, &ContextInput::images),
                                             {joined(inputs, members, &ContextInput::positions)});
    deal_out(tokens, inputs, members, &ContextInput::images, results);
  }
  return results;
}

std::vector<at::Tensor> predict_together(const Predictor& predictor, const std::vector<PredictorInput>& inputs) {
  std::map<std::pair<std::int64_t, std::int64_t>, Members> alike;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    alike[{inputs[i].context.size(1), inputs[i].target_positions.size(1)}].push_back(i);
  std::vector<at::Tensor> results(inputs.size());
  for (const auto& [shape, members] : alike) {
    const auto rows = [&](at::Tensor PredictorInput::* field) { return joined(inputs, members, field); };
    const at::Tensor predicted = predictor({rows(&PredictorInput::context), rows(&PredictorInput::context_positions),
                                            rows(&PredictorInput::target_positions), rows(&PredictorInput::action),
                                            rows(&PredictorInput::relative_position)});
    deal_out(predicted, inputs, members, &PredictorInput::context, results);
  }
  return results;
}

}  // namespace chexworld
