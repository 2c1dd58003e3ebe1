// SPDX-License-Identifier: Apache-2.0
#include "nn/heads.h"

#include "base/failure.h"

namespace chexworld {
namespace {

constexpr double kHeadNormEps = 1e-5;  // not the encoder's 1e-6

class LinearHead : public Linear {
 public:
  using Linear::Linear;
  at::Tensor operator()(const at::Tensor& tokens) const override { return Linear::operator()(tokens.mean(1)); }
};

class NormLinearHead : public Layer {
 public:
  NormLinearHead(std::int64_t width, std::int64_t classes) : norm_(width, kHeadNormEps), linear_(width, classes) {
    add_part("0", norm_);
    add_part("1", linear_);
  }
  at::Tensor operator()(const at::Tensor& tokens) const override { return linear_(norm_(tokens.mean(1))); }

 private:
  LayerNorm norm_;
  Linear linear_;
};

/// Queries f32[B,Q,D] attend to tokens f32[B,N,D]. Rows of kv: k, then v.
class CrossAttention : public Module {
 public:
  CrossAttention(std::int64_t width, std::int64_t heads)
      : heads_(heads), query_(width, width), key_value_(width, 2 * width), proj_(width, width) {
    add_part("q", query_);
    add_part("kv", key_value_);
    add_part("proj", proj_);
  }

  at::Tensor operator()(const at::Tensor& queries, const at::Tensor& tokens) const {
    const auto split = [&](const at::Tensor& x) {
      return x.unflatten(2, at::IntArrayRef({heads_, x.size(2) / heads_})).transpose(1, 2);
    };
    const std::vector<at::Tensor> key_value = key_value_(tokens).chunk(2, 2);
    return proj_(attend(split(query_(queries)), split(key_value[0]), split(key_value[1])));
  }

 private:
  std::int64_t heads_;
  Linear query_, key_value_, proj_;
};

/// The query itself is not normalised.
class CrossAttentionBlock : public Module {
 public:
  CrossAttentionBlock(std::int64_t width, const HeadConfig& config)
      : norm1_(width, kHeadNormEps),
        attention_(width, config.attention_heads),
        norm2_(width, kHeadNormEps),
        mlp_(width, mlp_hidden_width(width, config.mlp_ratio), width) {
    add_part("norm1", norm1_);
    add_part("xattn", attention_);
    add_part("norm2", norm2_);
    add_part("mlp", mlp_);
  }

  at::Tensor operator()(const at::Tensor& queries, const at::Tensor& tokens) const {
    const at::Tensor attended = queries + attention_(queries, norm1_(tokens));
    return attended + mlp_(norm2_(attended));
  }

 private:
  LayerNorm norm1_;
  CrossAttention attention_;
  LayerNorm norm2_;
  Mlp mlp_;
};

class AttentivePooler : public Module {
 public:
  AttentivePooler(std::int64_t width, const HeadConfig& config) : block_(width, config) {
    query_ = add_parameter("query_tokens", at::zeros({1, 1, width}));
    add_part("cross_attention_block", block_);
  }
  at::Tensor operator()(const at::Tensor& tokens) const {
    return block_(query_.expand({tokens.size(0), -1, -1}), tokens).select(1, 0);
  }

 protected:
  void draw_own_weights(at::Generator& generator) override { draw_normal(query_, kInitialDeviation, generator); }

 private:
  at::Tensor query_;
  CrossAttentionBlock block_;
};

class AttentiveHead : public Layer {
 public:
  AttentiveHead(std::int64_t width, const HeadConfig& config) : pooler_(width, config), linear_(width, config.classes) {
    add_part("pooler", pooler_);
    add_part("linear", linear_);
  }
  at::Tensor operator()(const at::Tensor& tokens) const override { return linear_(pooler_(tokens)); }

 private:
  AttentivePooler pooler_;
  Linear linear_;
};

class MlpHead : public Mlp {
 public:
  using Mlp::Mlp;
  at::Tensor operator()(const at::Tensor& tokens) const override { return Mlp::operator()(tokens.mean(1)); }
};

void check(const HeadConfig& config, std::int64_t width) {
  if (config.classes < 1) fail(ErrorCode::kInvalidArgument, "head: needs at least one class");
  const bool splits = config.attention_heads > 0 && width % config.attention_heads == 0;
  if (config.kind == HeadKind::kAttentive && !splits)
    fail(ErrorCode::kInvalidArgument, "head: width " + std::to_string(width) + " does not divide into " +
                                          std::to_string(config.attention_heads) + " attention heads");
}

}  // namespace

HeadKind head_kind(std::string_view name) {
  if (name == "fc") return HeadKind::kLinear;
  if (name == "norm_fc") return HeadKind::kNormLinear;
  if (name == "attn") return HeadKind::kAttentive;
  if (name == "mlp") return HeadKind::kMlp;
  fail(ErrorCode::kInvalidArgument, "no head '" + std::string(name) + "' (there are: fc, norm_fc, attn, mlp)");
}

std::unique_ptr<Layer> make_head(const HeadConfig& config, std::int64_t width) {
  check(config, width);
  switch (config.kind) {
    case HeadKind::kLinear: return std::make_unique<LinearHead>(width, config.classes);
    case HeadKind::kNormLinear: return std::make_unique<NormLinearHead>(width, config.classes);
    case HeadKind::kAttentive: return std::make_unique<AttentiveHead>(width, config);
    case HeadKind::kMlp:
      return std::make_unique<MlpHead>(width, mlp_hidden_width(width, config.mlp_ratio), config.classes);
  }
  fail(ErrorCode::kInternal, "head: unknown kind");
}

Classifier::Classifier(const EncoderConfig& encoder, const HeadConfig& head, const StackOptions& stack)
    : encoder_(encoder, {stack, head.kind != HeadKind::kNormLinear}), head_(make_head(head, encoder.width)) {
  add_part("feature_model", encoder_);
  add_part("head", *head_);
}

at::Tensor cross_entropy_of_labels(const at::Tensor& logits, const at::Tensor& targets,
                                   const at::Tensor& positive_weight) {
  const auto weight = positive_weight.defined() ? std::optional<at::Tensor>(positive_weight) : std::nullopt;
  return at::binary_cross_entropy_with_logits(logits.to(at::kFloat), targets.to(at::kFloat), {}, weight);
}

}  // namespace chexworld
