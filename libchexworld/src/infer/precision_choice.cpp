// SPDX-License-Identifier: Apache-2.0
#include "infer/precision_choice.h"

#include "base/failure.h"
#include "infer/embedding_check.h"
#include "infer/kernels.h"
#include "infer/onednn_backend.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace chexworld {
namespace {

constexpr double kSelfTestTolerance = 1e-3;  // of the largest value: other processors sum in another order

std::string with_digits(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6f", value);
  return text;
}

/// Makes backends of one model and compares them with f32 on the self-test and the calibration images.
class Chooser {
 public:
  Chooser(const EncoderWeights& weights, const std::optional<SelfTest>& self_test, const EngineOptions& options,
          int threads)
      : weights_(weights), self_test_(self_test), options_(options), threads_(threads) {
    if (self_test) checked_ = self_test->images;
    checked_.insert(checked_.end(), options.calibration_images.begin(), options.calibration_images.end());
  }

  ChosenBackend choose() {
    switch (options_.precision) {
      case Precision::kF32: return f32();
      case Precision::kBf16: return bf16();
      case Precision::kInt8: return int8();
      case Precision::kAuto: return automatic();
    }
    fail(ErrorCode::kInvalidArgument, "engine: unknown precision");
  }

 private:
  using Attempt = ChosenBackend (Chooser::*)();

  ChosenBackend automatic() {
    std::vector<std::string> remarks;
    const bool calibrated = !options_.calibration_images.empty() || !options_.calibration_file.empty();
    std::vector<Attempt> attempts;
    if (checked_.empty())
      remarks.push_back(
          "f32, because there is neither a self-test nor a calibration image to check anything faster on");
    else if (calibrated)
      attempts = {&Chooser::int8, &Chooser::bf16};
    else
      attempts = {&Chooser::bf16};
    for (const Attempt attempt : attempts) {
      try {
        ChosenBackend chosen = (this->*attempt)();
        chosen.remarks.insert(chosen.remarks.begin(), remarks.begin(), remarks.end());
        return chosen;
      } catch (const Failure& failure) {
        if (failure.error().code() != ErrorCode::kUnsupported) throw;
        remarks.push_back(failure.error().message());
      }
    }
    ChosenBackend chosen = f32();
    chosen.remarks = std::move(remarks);
    return chosen;
  }

  ChosenBackend f32() {
    require_self_test();
    ChosenBackend chosen;
    chosen.backend = std::move(f32_);
    if (!chosen.backend) chosen.backend = make(LinearType::kF32, {}, nullptr);
    return chosen;
  }

  ChosenBackend bf16() {
    if (!processor_has(LinearType::kBf16))
      fail(ErrorCode::kUnsupported,
           "bf16 needs a processor with AVX512_BF16 or AMX, this one has " + onednn_instructions());
    ChosenBackend chosen;
    chosen.precision = Precision::kBf16;
    chosen.backend = make(LinearType::kBf16, {}, nullptr);
    accept(chosen, options_.least_cosine_bf16, "bf16");
    return chosen;
  }

  ChosenBackend int8() {
    if (!processor_has(LinearType::kInt8))
      fail(ErrorCode::kUnsupported, "int8 needs a processor with VNNI or AMX, this one has " + onednn_instructions());
    ChosenBackend chosen;
    chosen.precision = Precision::kInt8;
    chosen.calibration = calibration();
    chosen.backend = make_int8(*chosen.calibration);
    chosen.least_cosine = cosine_to_f32(*chosen.backend);
    if (chosen.least_cosine && *chosen.least_cosine < options_.least_cosine_int8) relax(chosen);
    accept(chosen, options_.least_cosine_int8, "int8");
    return chosen;
  }

  StoredCalibration calibration() {
    if (options_.calibration_images.empty() && !options_.calibration_file.empty())
      return read_calibration(options_.calibration_file, weights_.shape);
    const std::vector<float>& images =
        options_.calibration_images.empty() && self_test_ ? self_test_->images : options_.calibration_images;
    if (images.empty())
      fail(ErrorCode::kUnsupported, "int8 needs calibration images, a calibration file or a bundle with a self-test");
    const auto batch = std::int64_t(images.size()) / image_values(weights_.shape);
    return {f32_backend().observe(images.data(), batch), Int8Choice(weights_.blocks.size(), {true, true, true, true})};
  }

  /// Puts halves of blocks (attention, MLP) back into the wide type, the one that gains most first, until the bound
  /// holds. Slow (a backend per half), so worth storing: the calibration keeps the choice.
  void relax(ChosenBackend& chosen) {
    struct Half {
      std::size_t block, first;
      double cosine;
    };
    std::vector<Half> halves;
    for (std::size_t i = 0; i < weights_.blocks.size() * 2; ++i) {
      StoredCalibration trial = *chosen.calibration;
      const std::size_t first = i % 2 * 2;
      trial.int8[i / 2][first] = trial.int8[i / 2][first + 1] = false;
      halves.push_back({i / 2, first, *cosine_to_f32(*make_int8(trial))});
    }
    std::stable_sort(halves.begin(), halves.end(), [](const Half& a, const Half& b) { return a.cosine > b.cosine; });
    for (const Half& half : halves) {
      auto& block = chosen.calibration->int8[half.block];
      block[half.first] = block[half.first + 1] = false;
      chosen.backend = make_int8(*chosen.calibration);
      chosen.least_cosine = cosine_to_f32(*chosen.backend);
      if (*chosen.least_cosine >= options_.least_cosine_int8) break;
    }
    chosen.remarks.push_back("int8 left its most sensitive layers in a wider type to keep its bound");
  }

  /// Fails where the bound is missed.
  void accept(ChosenBackend& chosen, double bound, const std::string& name) {
    if (!chosen.least_cosine) chosen.least_cosine = cosine_to_f32(*chosen.backend);
    if (chosen.least_cosine && *chosen.least_cosine < bound)
      fail(ErrorCode::kUnsupported, name + " keeps only a cosine of " + with_digits(*chosen.least_cosine) +
                                        " to f32 on the checked images, its bound is " + with_digits(bound));
  }

  std::optional<double> cosine_to_f32(const Backend& backend) {
    if (checked_.empty()) return std::nullopt;
    return least_cosine(embed_singly(backend, weights_.shape, checked_), expected(), weights_.shape.width);
  }

  /// f32 embeddings of the checked images.
  const std::vector<float>& expected() {
    if (!expected_.empty()) return expected_;
    if (options_.calibration_images.empty() && self_test_) {
      expected_ = self_test_->embedding;
    } else {
      require_self_test();
      expected_ = embed_singly(f32_backend(), weights_.shape, checked_);
    }
    return expected_;
  }

  void require_self_test() {
    if (!self_test_) return;
    const std::vector<float> ours = embed_singly(f32_backend(), weights_.shape, self_test_->images);
    const double difference = relative_difference(ours, self_test_->embedding);
    if (!(difference <= kSelfTestTolerance))
      fail(ErrorCode::kMalformed, "the self-test is not reproduced (difference " + with_digits(difference) +
                                      " of the largest value): the weights are not those it was made with");
  }

  const Backend& f32_backend() {
    if (!f32_) f32_ = make(LinearType::kF32, {}, nullptr);
    return *f32_;
  }

  /// `int8`: empty for none.
  std::unique_ptr<Backend> make(LinearType wide, const Int8Choice& int8, const Calibration* ranges) const {
    OneDnnOptions options;
    options.wide = wide;
    options.ranges = ranges;
    options.threads = threads_;
    for (std::size_t i = 0; i < weights_.blocks.size(); ++i) {
      const auto type = [&](std::size_t layer) { return !int8.empty() && int8[i][layer] ? LinearType::kInt8 : wide; };
      options.blocks.push_back({type(0), type(1), type(2), type(3)});
    }
    return make_onednn_backend(weights_, options);
  }

  std::unique_ptr<Backend> make_int8(const StoredCalibration& calibration) const {
    const LinearType wide = processor_has(LinearType::kBf16) ? LinearType::kBf16 : LinearType::kF32;
    return make(wide, calibration.int8, &calibration.ranges);
  }

  const EncoderWeights& weights_;
  const std::optional<SelfTest>& self_test_;
  const EngineOptions& options_;
  const int threads_;
  std::vector<float> checked_;
  std::vector<float> expected_;
  std::unique_ptr<Backend> f32_;
};

}  // namespace

ChosenBackend choose_backend(const EncoderWeights& weights, const std::optional<SelfTest>& self_test,
                             const EngineOptions& options, int threads) {
  return Chooser(weights, self_test, options, threads).choose();
}

}  // namespace chexworld
