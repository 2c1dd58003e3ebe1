// SPDX-License-Identifier: Apache-2.0
//
// The predictor with its policy network (specification, section 1; CheXWorld equations 5, 6 and 8;
// reference quirks 2, 6, 9 and 10).
#pragma once

#include "nn/layers.h"

namespace chexworld {

struct PredictorConfig {
  std::int64_t encoder_width = 768;  ///< D
  std::int64_t width = 384;          ///< P, divisible by 4 and by heads
  std::int64_t depth = 6;
  std::int64_t heads = 12;  ///< as many as the encoder has
  std::int64_t grid = 14;   ///< patches per side
  double mlp_ratio = 4;
  bool qkv_bias = true;
  double norm_eps = 1e-6;
  std::int64_t action_size = 5;    ///< 0: no policy network
  std::int64_t policy_layers = 3;  ///< linear layers, ReLU between
  bool unify_embed = false;        ///< context tokens get the relative table at zero instead of the absolute one
  bool absolute_queries = false;   ///< mask tokens get the absolute table, as in I-JEPA; no relative position then
};

/// What one row asks: R contexts, each with the patches that it shows and those to be predicted.
struct PredictorInput {
  at::Tensor context;            ///< f32[R,Kc,D], encoder tokens
  at::Tensor context_positions;  ///< i64[R,Kc], patch numbers
  at::Tensor target_positions;   ///< i64[R,Kt]
  at::Tensor action;             ///< f32[R,A]; left undefined without policy network
  at::Tensor relative_position;  ///< f32[R,4]; undefined means zero
};

/// Parameter names: mask_token, predictor_pos_embed (never trained), predictor_embed.*, predictor_blocks.I.*,
/// predictor_norm.*, predictor_proj.*, policy_net.{0,2,...}.*.
class Predictor : public Module {
 public:
  explicit Predictor(const PredictorConfig& config, const StackOptions& options = {});

  const PredictorConfig& config() const { return config_; }

  /// f32[R,Kt,D]. Rows do not see each other.
  at::Tensor operator()(const PredictorInput& input) const;

  /// Several context lists and, for each, the same number of target lists: context f32[E*B,Kc,D], lists i64[B,K],
  /// action and relative position one row per image. Row block e*per + p of the result f32[T*B,Kt,D] belongs to
  /// context list e and target list e*per + p.
  at::Tensor operator()(const at::Tensor& context, const std::vector<at::Tensor>& context_lists,
                        const std::vector<at::Tensor>& target_lists, const at::Tensor& action,
                        const at::Tensor& relative_position) const;

 protected:
  void draw_own_weights(at::Generator& generator) override;

 private:
  at::Tensor placed_context(const PredictorInput& input) const;
  at::Tensor queries(const PredictorInput& input) const;
  at::Tensor query_positions(const PredictorInput& input) const;
  at::Tensor with_action(const at::Tensor& queries, const at::Tensor& action) const;
  at::Tensor position_table() const;

  PredictorConfig config_;
  at::Tensor mask_token_, pos_embed_;
  Linear embed_;
  BlockStack blocks_;
  LayerNorm norm_;
  Linear projection_;
  PartList policy_net_;
  std::vector<std::unique_ptr<Linear>> policy_layers_;
};

}  // namespace chexworld
