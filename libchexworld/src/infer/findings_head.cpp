// SPDX-License-Identifier: Apache-2.0
#include "infer/findings_head.h"

#include "base/failure.h"
#include "infer/encoder_weights.h"
#include "infer/kernels.h"

#include <algorithm>
#include <cmath>

namespace chexworld {
namespace {

constexpr float kHeadNormEps = 1e-5F;  // not the encoder's 1e-6

using Values = std::vector<float>;

void through(const LinearWeights& linear, const float* x, float* y) {
  multiply_add(linear.weight.data(), std::size_t(linear.outputs), std::size_t(linear.inputs), x, linear.bias.data(), y);
}

Values through(const LinearWeights& linear, const Values& x) {
  Values y(std::size_t(linear.outputs));
  through(linear, x.data(), y.data());
  return y;
}

Values through(const NormParameters& norm, const float* x) {
  Values y(norm.gain.size());
  layer_norm(x, 1, y.size(), {norm.gain.data(), norm.shift.data(), kHeadNormEps}, y.data());
  return y;
}

void gelu(Values& values) {
  for (float& x : values) x = 0.5F * x * std::erfc(-x * 0.70710678F);
}

class LinearFindings final : public FindingsHead {
 public:
  explicit LinearFindings(LinearWeights linear) : linear_(std::move(linear)) {}

  bool has_contributions() const override { return true; }
  void logits(const float*, std::int64_t, const float* mean, float* to) const override { through(linear_, mean, to); }

  void contributions(const float* tokens, std::int64_t patches, const float*, float* to) const override {
    const auto width = std::size_t(linear_.inputs), classes = std::size_t(linear_.outputs);
    const auto count = static_cast<std::size_t>(patches);
    Values logits(classes);
    for (std::size_t n = 0; n < count; ++n) {
      through(linear_, tokens + n * width, logits.data());
      for (std::size_t k = 0; k < classes; ++k) to[k * count + n] = logits[k] / float(count);
    }
  }

 private:
  LinearWeights linear_;
};

class NormLinearFindings final : public FindingsHead {
 public:
  NormLinearFindings(NormParameters norm, LinearWeights linear) : norm_(std::move(norm)), linear_(std::move(linear)) {}

  bool has_contributions() const override { return true; }
  void logits(const float*, std::int64_t, const float* mean, float* to) const override {
    through(linear_, through(norm_, mean).data(), to);
  }

  /// The norm divides by the deviation of the mean token; with that held fixed it is linear in the tokens.
  void contributions(const float* tokens, std::int64_t patches, const float* mean, float* to) const override {
    const std::size_t width = norm_.gain.size(), classes = std::size_t(linear_.outputs);
    const auto count = static_cast<std::size_t>(patches);
    const float factor = 1 / deviation(mean, width);
    Values normed(width), logits(classes);
    for (std::size_t n = 0; n < count; ++n, tokens += width) {
      const float centre = average(tokens, width);
      for (std::size_t i = 0; i < width; ++i)
        normed[i] = (tokens[i] - centre) * factor * norm_.gain[i] + norm_.shift[i];
      through(linear_, normed.data(), logits.data());
      for (std::size_t k = 0; k < classes; ++k) to[k * count + n] = logits[k] / float(count);
    }
  }

 private:
  static float average(const float* x, std::size_t width) {
    double sum = 0;
    for (std::size_t i = 0; i < width; ++i) sum += double(x[i]);
    return float(sum / double(width));
  }

  static float deviation(const float* x, std::size_t width) {
    const double mean = double(average(x, width));
    double squares = 0;
    for (std::size_t i = 0; i < width; ++i) squares += (double(x[i]) - mean) * (double(x[i]) - mean);
    return float(std::sqrt(squares / double(width) + double(kHeadNormEps)));
  }

  NormParameters norm_;
  LinearWeights linear_;
};

class MlpFindings final : public FindingsHead {
 public:
  MlpFindings(LinearWeights first, LinearWeights second) : first_(std::move(first)), second_(std::move(second)) {}

  void logits(const float*, std::int64_t, const float* mean, float* to) const override {
    Values hidden(std::size_t(first_.outputs));
    through(first_, mean, hidden.data());
    gelu(hidden);
    through(second_, hidden.data(), to);
  }

 private:
  LinearWeights first_, second_;
};

struct AttentiveWeights {
  Values query;  ///< f32[D], learned
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
    const Values query = through(w_.to_query, w_.query);
    scorers_.assign(heads_ * width_, 0);
    for (std::size_t row = 0; row < width_; ++row) {
      float* scorer = scorers_.data() + row / part_ * width_;
      const float factor = query[row] / std::sqrt(float(part_));
      for (std::size_t i = 0; i < width_; ++i) scorer[i] += factor * w_.to_key_value.weight[row * width_ + i];
    }
  }

  bool needs_tokens() const override { return true; }

  void logits(const float* tokens, std::int64_t patches, const float*, float* to) const override {
    Values attended = through(w_.proj, values_of(pooled(tokens, std::size_t(patches))));
    for (std::size_t i = 0; i < width_; ++i) attended[i] += w_.query[i];
    Values hidden = through(w_.fc1, through(w_.norm2, attended.data()));
    gelu(hidden);
    const Values added = through(w_.fc2, hidden);
    for (std::size_t i = 0; i < width_; ++i) attended[i] += added[i];
    through(w_.output, attended.data(), to);
  }

 private:
  /// Each head's weighted mean of the normalised tokens: f32[heads,D].
  Values pooled(const float* tokens, std::size_t patches) const {
    Values normed(patches * width_), weights(heads_ * patches), scores(heads_);
    layer_norm(tokens, patches, width_, {w_.norm1.gain.data(), w_.norm1.shift.data(), kHeadNormEps}, normed.data());
    const Values none(heads_, 0);
    for (std::size_t n = 0; n < patches; ++n) {
      multiply_add(scorers_.data(), heads_, width_, normed.data() + n * width_, none.data(), scores.data());
      for (std::size_t h = 0; h < heads_; ++h) weights[h * patches + n] = scores[h];
    }
    softmax(weights.data(), heads_, patches, 1, weights.data());
    Values means(heads_ * width_, 0);
    for (std::size_t h = 0; h < heads_; ++h) {
      for (std::size_t n = 0; n < patches; ++n) {
        const float weight = weights[h * patches + n];
        for (std::size_t i = 0; i < width_; ++i) means[h * width_ + i] += weight * normed[n * width_ + i];
      }
    }
    return means;
  }

  Values values_of(const Values& means) const {
    Values values(width_);
    for (std::size_t h = 0; h < heads_; ++h) {
      const std::size_t first = width_ + h * part_;
      multiply_add(w_.to_key_value.weight.data() + first * width_, part_, width_, means.data() + h * width_,
                   w_.to_key_value.bias.data() + first, values.data() + h * part_);
    }
    return values;
  }

  AttentiveWeights w_;
  std::size_t heads_, width_, part_;
  Values scorers_;  // f32[heads,D]
};

std::unique_ptr<FindingsHead> read_attentive(const WeightReader& reader, const BundleConfig& config) {
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

}  // namespace

void FindingsHead::contributions(const float*, std::int64_t, const float*, float*) const {
  fail(ErrorCode::kUnsupported, "only the heads fc and norm_fc are sums over patches");
}

std::unique_ptr<FindingsHead> read_findings_head(const Bundle& bundle) {
  const BundleConfig& config = bundle.config();
  if (!config.head) return nullptr;
  const WeightReader reader(bundle);
  const std::int64_t width = config.encoder.width;
  const auto classes = std::int64_t(config.head->labels.size());
  switch (config.head->kind) {
    case BundleHead::Kind::kLinear: return std::make_unique<LinearFindings>(reader.linear("head", width, classes));
    case BundleHead::Kind::kNormLinear:
      return std::make_unique<NormLinearFindings>(reader.norm("head.0"), reader.linear("head.1", width, classes));
    case BundleHead::Kind::kAttentive: return read_attentive(reader, config);
    case BundleHead::Kind::kMlp:
      return std::make_unique<MlpFindings>(reader.linear("head.fc1", width, 4 * width),
                                           reader.linear("head.fc2", 4 * width, classes));
  }
  fail(ErrorCode::kInternal, "unknown kind of head");
}

void to_probabilities(const BundleHead& head, const float* logits, float* to) {
  const std::size_t count = head.labels.size();
  const auto calibrated = [&](std::size_t k) {
    return head.labels[k].slope * double(logits[k]) + head.labels[k].intercept;
  };
  if (!head.exclusive) {
    for (std::size_t k = 0; k < count; ++k) to[k] = float(1 / (1 + std::exp(-calibrated(k))));
    return;
  }
  std::vector<double> powers;
  double most = calibrated(0), sum = 0;
  for (std::size_t k = 1; k < count; ++k) most = std::max(most, calibrated(k));
  for (std::size_t k = 0; k < count; ++k) sum += powers.emplace_back(std::exp(calibrated(k) - most));
  for (std::size_t k = 0; k < count; ++k) to[k] = float(powers[k] / sum);
}

}  // namespace chexworld
