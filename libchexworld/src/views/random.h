// SPDX-License-Identifier: Apache-2.0
//
// Where every random choice of training comes from.
//
// A sample's choices depend on (seed, pass, sample index) and on nothing else: not on the number of
// workers, ranks or threads, not on which samples came before. That takes a counter-based generator.
#pragma once

#include "views/range.h"

#include <array>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

namespace chexworld {

/// A sequence of random numbers. Not thread safe; make one per task, they are cheap.
class RandomSource {
 public:
  virtual ~RandomSource() = default;

  /// Uniform in [0, 1), a multiple of 2^-24.
  virtual double uniform() = 0;
  /// Uniform in 0 .. count - 1; 1 <= count < 2^32.
  virtual std::int64_t below(std::int64_t count) = 0;
};

/// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): 128 random bits
/// as a function of counter and key.
using PhiloxCounter = std::array<std::uint32_t, 4>;
using PhiloxKey = std::array<std::uint32_t, 2>;
PhiloxCounter philox4x32(PhiloxCounter counter, PhiloxKey key);

/// What the numbers are for; each purpose has a sequence of its own.
enum class RandomPurpose : std::uint8_t {
  kViews = 0,          ///< crops, flips, actions of one sample
  kNoiseFirst = 1,     ///< noise field of the first context
  kNoiseSecond = 2,    ///< noise field of the second context
  kMaskSizes = 3,      ///< block sizes of one batch
  kMaskPositions = 4,  ///< block positions of one sample
  kMaskShuffle = 5,    ///< permutation of the masks over one batch
  kSampleOrder = 6,    ///< order of the samples in one pass
  kDropPath = 7,       ///< which residual branches are dropped
  kOther = 8,
};

/// Names one sequence.
struct RandomStream {
  std::uint64_t seed = 0;   ///< of the whole run
  std::uint32_t pass = 0;   ///< epoch, or how often the archive has been walked
  std::uint64_t index = 0;  ///< sample or batch, below 2^56
  RandomPurpose purpose = RandomPurpose::kOther;
};

/// The numbers of one stream. Two objects with the same stream give the same numbers.
class StreamRandom final : public RandomSource {
 public:
  explicit StreamRandom(const RandomStream& stream);

  std::uint32_t bits();
  double uniform() override;
  std::int64_t below(std::int64_t count) override;

 private:
  PhiloxKey key_;
  PhiloxCounter counter_;  // the first word counts blocks
  PhiloxCounter block_{};
  std::size_t used_ = 4;  // words of block_ that have been handed out
};

/// The numbers that PyTorch's CPU generator gives for scalar `rand` and `randint` calls (Mersenne twister,
/// 24 bits for a float, remainder for an integer): for repeating a run of the released code.
class PyTorchRandom final : public RandomSource {
 public:
  explicit PyTorchRandom(std::uint64_t seed) : engine_(std::uint32_t(seed)) {}

  double uniform() override { return double(engine_() & 0xFFFFFFU) * 0x1p-24; }
  std::int64_t below(std::int64_t count) override { return std::int64_t(engine_()) % count; }

 private:
  std::mt19937 engine_;
};

bool happens(RandomSource& random, double probability);
double uniform_in(RandomSource& random, const Range& range);
/// Uniform in the logarithm; `range` positive.
double log_uniform_in(RandomSource& random, const Range& range);

/// Standard normal numbers (Box-Muller), two at a time.
void fill_normal(RandomSource& random, std::span<float> output);

/// A uniformly random order of 0 .. count - 1.
std::vector<std::int64_t> random_permutation(RandomSource& random, std::int64_t count);

}  // namespace chexworld
