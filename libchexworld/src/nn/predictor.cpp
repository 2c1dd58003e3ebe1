// SPDX-License-Identifier: Apache-2.0
#include "nn/predictor.h"

#include "base/failure.h"
#include "nn/encoder.h"
#include "nn/position.h"

namespace chexworld {
namespace {

BlockConfig block_config(const PredictorConfig& config) {
  const BlockConfig block{config.width, config.heads, mlp_hidden_width(config.width, config.mlp_ratio), config.qkv_bias,
                          config.norm_eps};
  check(block, "predictor");
  if (config.grid <= 0 || config.depth < 0 || config.action_size < 0 || config.policy_layers <= 0)
    fail(ErrorCode::kInvalidArgument,
         "predictor: grid and policy layers must be positive, depth and action size not negative");
  return block;
}

at::Tensor repeat_rows(const at::Tensor& rows, std::size_t times) {
  return rows.defined() ? rows.repeat({std::int64_t(times), 1}) : rows;
}

}  // namespace

Predictor::Predictor(const PredictorConfig& config, const StackOptions& options)
    : config_(config),
      embed_(config.encoder_width, config.width),
      blocks_(block_config(config), config.depth, options),
      norm_(config.width, config.norm_eps),
      projection_(config.width, config.encoder_width) {
  mask_token_ = add_parameter("mask_token", at::zeros({1, 1, config.width}));
  pos_embed_ = add_parameter("predictor_pos_embed", position_table(), false);
  add_part("predictor_embed", embed_);
  add_part("predictor_blocks", blocks_);
  add_part("predictor_norm", norm_);
  add_part("predictor_proj", projection_);
  if (config.action_size == 0) return;
  add_part("policy_net", policy_net_);
  for (std::int64_t i = 0; i < config.policy_layers; ++i) {
    policy_layers_.push_back(std::make_unique<Linear>(config.width + (i == 0 ? config.action_size : 0), config.width));
    policy_net_.add_part(std::to_string(2 * i), *policy_layers_.back());  // the numbers between are the ReLUs
  }
}

at::Tensor Predictor::position_table() const {
  if (!config_.unify_embed) return absolute_position_table(config_.width, config_.grid).unsqueeze(0);
  return relative_position_table(at::zeros({1, 4}), config_.width, config_.grid);
}

void Predictor::draw_own_weights(at::Generator& generator) {
  draw_normal(mask_token_, kInitialDeviation, generator);
  pos_embed_.copy_(position_table());
}

at::Tensor Predictor::placed_context(const PredictorInput& input) const {
  const at::Tensor tokens = embed_(input.context);
  const at::Tensor table = pos_embed_.expand({tokens.size(0), -1, -1});
  // Keeps the type of the tokens: under bf16 autocast the residual stream here is bf16 (quirk 23).
  return (tokens + gather_tokens(table, input.context_positions)).to(tokens.scalar_type());
}

at::Tensor Predictor::query_positions(const PredictorInput& input) const {
  if (config_.absolute_queries)
    return gather_tokens(pos_embed_.expand({input.target_positions.size(0), -1, -1}), input.target_positions);
  const at::Tensor relative = input.relative_position.defined()
                                  ? input.relative_position
                                  : at::zeros({input.context.size(0), 4}, pos_embed_.options());
  return relative_position_encoding(relative, input.target_positions, config_.width, config_.grid);
}

at::Tensor Predictor::with_action(const at::Tensor& queries, const at::Tensor& action) const {
  if (!action.defined() || action.size(-1) != config_.action_size)
    fail(ErrorCode::kInvalidArgument,
         "predictor: needs an action of " + std::to_string(config_.action_size) + " numbers per image");
  at::Tensor hidden = at::cat({queries, action.unsqueeze(1).expand({-1, queries.size(1), -1}).to(queries.dtype())}, -1);
  for (std::size_t i = 0; i < policy_layers_.size(); ++i) {
    if (i > 0) hidden = at::relu(hidden);
    hidden = (*policy_layers_[i])(hidden);
  }
  return hidden;
}

at::Tensor Predictor::queries(const PredictorInput& input) const {
  const at::Tensor placed = mask_token_ + query_positions(input);
  return policy_layers_.empty() ? placed : with_action(placed, input.action);
}

at::Tensor Predictor::operator()(const PredictorInput& input) const {
  const at::Tensor context = placed_context(input);
  const at::Tensor asked = queries(input);
  const at::Tensor sequence = blocks_(at::cat({context, asked.to(context.scalar_type())}, 1));
  return projection_(norm_(sequence.narrow(1, context.size(1), asked.size(1))));
}

at::Tensor Predictor::operator()(const at::Tensor& context, const std::vector<at::Tensor>& context_lists,
                                 const std::vector<at::Tensor>& target_lists, const at::Tensor& action,
                                 const at::Tensor& relative_position) const {
  if (context_lists.empty() || target_lists.empty() || target_lists.size() % context_lists.size() != 0)
    fail(ErrorCode::kInvalidArgument, "predictor: every context list needs the same number of target lists");
  const std::size_t per_context = target_lists.size() / context_lists.size();
  const std::vector<at::Tensor> contexts = context.chunk(std::int64_t(context_lists.size()));
  std::vector<at::Tensor> rows, positions;
  for (std::size_t i = 0; i < target_lists.size(); ++i) {
    rows.push_back(contexts.at(i / per_context));
    positions.push_back(context_lists[i / per_context]);
  }
  return (*this)({at::cat(rows), at::cat(positions), at::cat(target_lists), repeat_rows(action, target_lists.size()),
                  repeat_rows(relative_position, target_lists.size())});
}

}  // namespace chexworld
