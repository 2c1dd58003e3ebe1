// SPDX-License-Identifier: Apache-2.0
#include "infer/findings_head.h"

#include "base/failure.h"
#include "infer/attentive_findings.h"
#include "infer/head_layers.h"

#include <algorithm>
#include <cmath>

namespace chexworld {
namespace {

/// slope (token - mean) / N for every token: what influence is wherever tokens are averaged. `slope` f32[D] is the
/// gradient of the logit by the mean.
void write_influence(const HeadValues& slope, const float* tokens, std::int64_t patches, const float* mean, float* to) {
  const std::size_t width = slope.size();
  const double at_mean = inner_product(slope.data(), mean, width);
  for (std::int64_t n = 0; n < patches; ++n, tokens += width)
    to[n] = float((inner_product(slope.data(), tokens, width) - at_mean) / double(patches));
}

HeadValues row_of(const LinearWeights& linear, std::size_t row) {
  const auto begin = linear.weight.begin() + std::ptrdiff_t(row) * linear.inputs;
  return {begin, begin + linear.inputs};
}

class LinearFindings final : public FindingsHead {
 public:
  explicit LinearFindings(LinearWeights linear) : linear_(std::move(linear)) {}

  bool has_contributions() const override { return true; }
  void logits(const float*, std::int64_t, const float* mean, float* to) const override { through(linear_, mean, to); }

  void contributions(const float* tokens, std::int64_t patches, const float*, float* to) const override {
    const auto width = std::size_t(linear_.inputs), classes = std::size_t(linear_.outputs);
    const auto count = static_cast<std::size_t>(patches);
    HeadValues logits(classes);
    for (std::size_t n = 0; n < count; ++n) {
      through(linear_, tokens + n * width, logits.data());
      for (std::size_t k = 0; k < classes; ++k) to[k * count + n] = logits[k] / float(count);
    }
  }

  double constant(std::size_t label) const override { return double(linear_.bias[label]); }

  void influence(const float* tokens, std::int64_t patches, const float* mean, std::size_t label,
                 float* to) const override {
    write_influence(row_of(linear_, label), tokens, patches, mean, to);
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
    const auto factor = float(1 / norm_deviation(mean, width));
    HeadValues normed(width), logits(classes);
    for (std::size_t n = 0; n < count; ++n, tokens += width) {
      const auto centre = float(average(tokens, width));
      for (std::size_t i = 0; i < width; ++i)
        normed[i] = (tokens[i] - centre) * factor * norm_.gain[i] + norm_.shift[i];
      through(linear_, normed.data(), logits.data());
      for (std::size_t k = 0; k < classes; ++k) to[k * count + n] = logits[k] / float(count);
    }
  }

  double constant(std::size_t label) const override {
    const HeadValues row = row_of(linear_, label);
    return double(linear_.bias[label]) + inner_product(row.data(), norm_.shift.data(), row.size());
  }

  void influence(const float* tokens, std::int64_t patches, const float* mean, std::size_t label,
                 float* to) const override {
    const HeadValues at(mean, mean + norm_.gain.size());
    write_influence(back_through(norm_, at, row_of(linear_, label)), tokens, patches, mean, to);
  }

 private:
  NormParameters norm_;
  LinearWeights linear_;
};

class MlpFindings final : public FindingsHead {
 public:
  MlpFindings(LinearWeights first, LinearWeights second) : first_(std::move(first)), second_(std::move(second)) {}

  void logits(const float*, std::int64_t, const float* mean, float* to) const override {
    HeadValues hidden(std::size_t(first_.outputs));
    through(first_, mean, hidden.data());
    gelu(hidden);
    through(second_, hidden.data(), to);
  }

  void influence(const float* tokens, std::int64_t patches, const float* mean, std::size_t label,
                 float* to) const override {
    HeadValues hidden(std::size_t(first_.outputs));
    through(first_, mean, hidden.data());
    const HeadValues slope = back_through(first_, back_through_gelu(hidden, row_of(second_, label)));
    write_influence(slope, tokens, patches, mean, to);
  }

 private:
  LinearWeights first_, second_;
};

}  // namespace

void FindingsHead::contributions(const float*, std::int64_t, const float*, float*) const {
  fail(ErrorCode::kUnsupported, "only the heads fc and norm_fc are sums over patches");
}

double FindingsHead::constant(std::size_t) const {
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
    case BundleHead::Kind::kAttentive: return read_attentive_findings(reader, config);
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
