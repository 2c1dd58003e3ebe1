// SPDX-License-Identifier: Apache-2.0
#include "infer/attentive_findings.h"

#include "base/failure.h"
#include "infer/head_layers.h"
#include "infer/kernels.h"

#include <cmath>

namespace chexworld {
namespace {

struct AttentiveWeights {
  HeadValues query;  ///< f32[D], learned
  NormParameters norm1;
  LinearWeights to_query, to_key_value, proj;  ///< rows of to_key_value: k, then v
  NormParameters norm2;
  LinearWeights fc1, fc2, output;
};

/// One learned query attends to the tokens. It is the same for every image, so the key product is taken once: the score
/// of token x in head h is a_h x with a_h = (query of h) W_k,h / sqrt(D/H); a bias of k shifts all scores alike and
/// falls out. In the same way v is computed once per head, from the weighted mean of the tokens.
class AttentiveFindings final : public FindingsHead {
 public:
  AttentiveFindings(AttentiveWeights weights, std::int64_t heads)
      : w_(std::move(weights)), heads_(std::size_t(heads)), width_(w_.query.size()), part_(width_ / heads_) {
    const HeadValues query = through(w_.to_query, w_.query);
    scorers_.assign(heads_ * width_, 0);
    for (std::size_t row = 0; row < width_; ++row) {
      float* scorer = scorers_.data() + row / part_ * width_;
      const float factor = query[row] / std::sqrt(float(part_));
      for (std::size_t i = 0; i < width_; ++i) scorer[i] += factor * w_.to_key_value.weight[row * width_ + i];
    }
  }

  bool needs_tokens() const override { return true; }

  void logits(const float* tokens, std::int64_t patches, const float*, float* to) const override {
    const Reading reading = read(pooled(tokens, std::size_t(patches)).means);
    through(w_.output, reading.result.data(), to);
  }

  /// The gradient of the logit by each head's weighted mean, times how far the token lies from that mean.
  void influence(const float* tokens, std::int64_t patches, const float*, std::size_t label, float* to) const override {
    const auto count = std::size_t(patches);
    const Pooled pool = pooled(tokens, count);
    const HeadValues gradient = gradient_of(label, read(pool.means));  // f32[heads,D]
    std::fill_n(to, count, 0.0F);
    for (std::size_t h = 0; h < heads_; ++h) {
      const float* slope = gradient.data() + h * width_;
      const double at_mean = inner_product(slope, pool.means.data() + h * width_, width_);
      for (std::size_t n = 0; n < count; ++n) {
        const double here = inner_product(slope, pool.normed.data() + n * width_, width_);
        to[n] += float(double(pool.weights[h * count + n]) * (here - at_mean));
      }
    }
  }

 private:
  struct Pooled {
    HeadValues normed;   // f32[N,D]
    HeadValues weights;  // f32[heads,N], each row sums to 1
    HeadValues means;    // f32[heads,D], weighted means of the normalised tokens
  };
  struct Reading {
    HeadValues attended;  // f32[D], with the query added
    HeadValues hidden;    // f32[4D], before the GELU
    HeadValues result;    // f32[D]
  };

  Pooled pooled(const float* tokens, std::size_t patches) const {
    Pooled pool{HeadValues(patches * width_), HeadValues(heads_ * patches), HeadValues(heads_ * width_, 0)};
    layer_norm(tokens, patches, width_, {w_.norm1.gain.data(), w_.norm1.shift.data(), kHeadNormEps},
               pool.normed.data());
    const HeadValues none(heads_, 0);
    HeadValues scores(heads_);
    for (std::size_t n = 0; n < patches; ++n) {
      multiply_add(scorers_.data(), heads_, width_, pool.normed.data() + n * width_, none.data(), scores.data());
      for (std::size_t h = 0; h < heads_; ++h) pool.weights[h * patches + n] = scores[h];
    }
    softmax(pool.weights.data(), heads_, patches, 1, pool.weights.data());
    for (std::size_t h = 0; h < heads_; ++h) {
      for (std::size_t n = 0; n < patches; ++n) {
        const float weight = pool.weights[h * patches + n];
        for (std::size_t i = 0; i < width_; ++i) pool.means[h * width_ + i] += weight * pool.normed[n * width_ + i];
      }
    }
    return pool;
  }

  /// The rows of v that belong to a head.
  const float* value_rows(std::size_t head) const {
    return w_.to_key_value.weight.data() + (width_ + head * part_) * width_;
  }

  Reading read(const HeadValues& means) const {
    HeadValues values(width_);
    for (std::size_t h = 0; h < heads_; ++h)
      multiply_add(value_rows(h), part_, width_, means.data() + h * width_,
                   w_.to_key_value.bias.data() + width_ + h * part_, values.data() + h * part_);
    Reading reading;
    reading.attended = through(w_.proj, values);
    for (std::size_t i = 0; i < width_; ++i) reading.attended[i] += w_.query[i];
    reading.hidden = through(w_.fc1, through(w_.norm2, reading.attended.data()));
    HeadValues active = reading.hidden;
    gelu(active);
    reading.result = through(w_.fc2, active);
    for (std::size_t i = 0; i < width_; ++i) reading.result[i] += reading.attended[i];
    return reading;
  }

  /// Of one logit by the heads' means: f32[heads,D].
  HeadValues gradient_of(std::size_t label, const Reading& reading) const {
    const std::span<const float> by_result(w_.output.weight.data() + label * width_, width_);
    const HeadValues by_hidden = back_through_gelu(reading.hidden, back_through(w_.fc2, by_result));
    HeadValues by_attended = back_through(w_.norm2, reading.attended, back_through(w_.fc1, by_hidden));
    for (std::size_t i = 0; i < width_; ++i) by_attended[i] += by_result[i];
    const HeadValues by_values = back_through(w_.proj, by_attended);
    HeadValues by_means(heads_ * width_, 0);
    for (std::size_t row = 0; row < width_; ++row) {
      const float* weight = value_rows(0) + row * width_;
      float* target = by_means.data() + row / part_ * width_;
      for (std::size_t i = 0; i < width_; ++i) target[i] += by_values[row] * weight[i];
    }
    return by_means;
  }

  AttentiveWeights w_;
  std::size_t heads_, width_, part_;
  HeadValues scorers_;  // f32[heads,D]
};

}  // namespace

std::unique_ptr<FindingsHead> read_attentive_findings(const WeightReader& reader, const BundleConfig& config) {
  const std::int64_t width = config.encoder.width, heads = config.head->attention_heads;
  if (width % heads != 0)
    fail(ErrorCode::kMalformed, reader.origin() + ": the head's width " + std::to_string(width) +
                                    " does not divide into " + std::to_string(heads) +
                                    " attention heads (chexworld.config, head.attention_heads)");
  const std::string block = "head.pooler.cross_attention_block.";
  const auto classes = std::int64_t(config.head->labels.size());
  return std::make_unique<AttentiveFindings>(
      AttentiveWeights{
          reader.take("head.pooler.query_tokens"), reader.norm(block + "norm1"),
          reader.linear(block + "xattn.q", width, width), reader.linear(block + "xattn.kv", width, 2 * width),
          reader.linear(block + "xattn.proj", width, width), reader.norm(block + "norm2"),
          reader.linear(block + "mlp.fc1", width, 4 * width), reader.linear(block + "mlp.fc2", 4 * width, width),
          reader.linear("head.linear", width, classes)},
      heads);
}

}  // namespace chexworld
