// SPDX-License-Identifier: Apache-2.0
#include "infer/precision_choice.h"

#include "base/failure.h"
#include "infer/embedding_check.h"
#include "infer/kernels.h"
#include "infer/onednn_backend.h"
#include "infer/torch_offer.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <span>

namespace chexworld {
namespace {

constexpr double kSelfTestTolerance = 1e-3;  // of the largest value: other processors sum in another order

constexpr std::size_t kMostJudged = 16;  // of the images held out
constexpr std::size_t kFew = 3;          // that the order of sensitive layers is found with
constexpr double kMargin = 0.25;         // of the distance to 1: images to come may do worse than those judged

double with_margin(double bound) { return bound + kMargin * (1 - bound); }

std::string with_digits(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6f", value);
  return text;
}

/// Makes backends of one model and compares them with f32 on the self-test and on calibration images held out.
class Chooser {
 public:
  Chooser(const EncoderWeights& weights, const std::optional<SelfTest>& self_test, const EngineOptions& options,
          int threads)
      : weights_(weights), self_test_(self_test), options_(options), threads_(threads) {
    if (self_test) checked_ = self_test->images;
    hold_out();
  }

  ChosenBackend choose() {
    if (options_.backend == BackendKind::kTorch || (options_.backend == BackendKind::kAuto && options_.device != "cpu"))
      return torch();
    if (options_.device != "cpu")
      fail(ErrorCode::kUnsupported, "oneDNN computes on the device cpu only, not on " + options_.device);
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

  ChosenBackend torch() {
    const TorchOffer& offer = torch_offer();
    if (offer.make == nullptr) fail(ErrorCode::kUnsupported, "this program was built without the LibTorch backend");
    if (options_.precision == Precision::kInt8) fail(ErrorCode::kUnsupported, "the LibTorch backend has no int8");
    const bool bf16 =
        options_.precision == Precision::kBf16 || (options_.precision == Precision::kAuto && options_.device != "cpu");
    ChosenBackend chosen;
    chosen.precision = bf16 ? Precision::kBf16 : Precision::kF32;
    chosen.name = offer.version;
    chosen.instructions = options_.device;
    chosen.backend = offer.make(weights_, {options_.device, bf16, threads_});
    if (bf16) {
      accept(chosen, options_.least_cosine_bf16, "bf16");
    } else {
      require_self_test(*chosen.backend);
    }
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
    const double wanted = with_margin(options_.least_cosine_int8);
    if (chosen.least_cosine && *chosen.least_cosine < wanted) relax(chosen, wanted);
    accept(chosen, wanted, "int8");
    return chosen;
  }

  /// Every second calibration image is not calibrated with but judged: int8 must keep its bound on images it has not
  /// seen. The number of judged images is limited, for time.
  void hold_out() {
    const auto each = std::size_t(image_values(weights_.shape));
    const std::span<const float> images(options_.calibration_images);
    const std::size_t count = images.size() / each;
    std::size_t judged = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const auto image = images.subspan(i * each, each);
      const bool hold = i % 2 == 1 || count == 1;
      if (i % 2 == 0) calibrating_.insert(calibrating_.end(), image.begin(), image.end());
      if (!hold || judged == kMostJudged) continue;
      checked_.insert(checked_.end(), image.begin(), image.end());
      ++judged;
    }
  }

  StoredCalibration calibration() {
    if (options_.calibration_images.empty() && !options_.calibration_file.empty())
      return read_calibration(options_.calibration_file, weights_.shape);
    const std::vector<float>& images = calibrating_.empty() && self_test_ ? self_test_->images : calibrating_;
    if (images.empty())
      fail(ErrorCode::kUnsupported, "int8 needs calibration images, a calibration file or a bundle with a self-test");
    const auto batch = std::int64_t(images.size()) / image_values(weights_.shape);
    return {f32_backend().observe(images.data(), batch), Int8Choice(weights_.blocks.size())};
  }

  /// Half a block: its attention or its MLP.
  struct Half {
    std::size_t block = 0;
    bool attention = false;
    double cosine = 0;  // with only this one wide

    void widen(Int8Choice& int8) const { (attention ? int8[block].attention : int8[block].mlp) = false; }
  };

  /// Puts halves of blocks back into the wide type, those that gain most first and twice as many each time, until the
  /// bound holds. Takes a backend per half and then a few, judged on few images; the calibration keeps the choice.
  void relax(ChosenBackend& chosen, double wanted) {
    const std::vector<Half> halves = by_gain(*chosen.calibration);
    std::size_t done = 0;
    for (std::size_t count = 1; done < halves.size() && *chosen.least_cosine < wanted; count *= 2) {
      for (; done < std::min(count, halves.size()); ++done) halves[done].widen(chosen.calibration->int8);
      chosen.backend = make_int8(*chosen.calibration);
      chosen.least_cosine = cosine_to_f32(*chosen.backend);
    }
    if (done == halves.size())
      fail(ErrorCode::kUnsupported,
           "int8 misses its bound of " + with_digits(wanted) + " in every part of the encoder");
    chosen.remarks.push_back("int8 left its most sensitive layers in a wider type to keep its bound");
  }

  std::vector<Half> by_gain(const StoredCalibration& calibration) {
    std::vector<Half> halves;
    const auto few = std::min(checked_.size(), kFew * std::size_t(image_values(weights_.shape)));
    for (std::size_t i = 0; i < weights_.blocks.size() * 2; ++i) {
      StoredCalibration trial = calibration;
      Half half{i / 2, i % 2 == 0};
      half.widen(trial.int8);
      half.cosine = cosine_to_f32(*make_int8(trial), std::span(checked_).first(few));
      halves.push_back(half);
    }
    std::stable_sort(halves.begin(), halves.end(), [](const Half& a, const Half& b) { return a.cosine > b.cosine; });
    return halves;
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
    return cosine_to_f32(backend, checked_);
  }

  /// `images`: the first few of those checked.
  double cosine_to_f32(const Backend& backend, std::span<const float> images) {
    const std::vector<float> found = embed_singly(backend, weights_.shape, images);
    return least_cosine(found, std::span(expected()).first(found.size()), weights_.shape.width);
  }

  /// f32 embeddings of the checked images.
  const std::vector<float>& expected() {
    if (!expected_.empty()) return expected_;
    if (self_test_ && checked_.size() == self_test_->images.size()) {
      expected_ = self_test_->embedding;
    } else {
      require_self_test();
      expected_ = embed_singly(f32_backend(), weights_.shape, checked_);
    }
    return expected_;
  }

  void require_self_test() {
    if (self_test_) require_self_test(f32_backend());
  }

  void require_self_test(const Backend& f32) {
    if (!self_test_) return;
    const std::vector<float> ours = embed_singly(f32, weights_.shape, self_test_->images);
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
  std::unique_ptr<Backend> make(LinearType wide, const Int8Choice& int8, const Calibration* statistics) const {
    return make_onednn_backend(weights_, {.wide = wide, .int8 = int8, .statistics = statistics, .threads = threads_});
  }

  std::unique_ptr<Backend> make_int8(const StoredCalibration& calibration) const {
    const LinearType wide = processor_has(LinearType::kBf16) ? LinearType::kBf16 : LinearType::kF32;
    return make(wide, calibration.int8, &calibration.statistics);
  }

  const EncoderWeights& weights_;
  const std::optional<SelfTest>& self_test_;
  const EngineOptions& options_;
  const int threads_;
  std::vector<float> calibrating_;
  std::vector<float> checked_;  // the self-test's images, then those held out
  std::vector<float> expected_;
  std::unique_ptr<Backend> f32_;
};

}  // namespace

ChosenBackend choose_backend(const EncoderWeights& weights, const std::optional<SelfTest>& self_test,
                             const EngineOptions& options, int threads) {
  return Chooser(weights, self_test, options, threads).choose();
}

}  // namespace chexworld
