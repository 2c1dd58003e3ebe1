// SPDX-License-Identifier: Apache-2.0
//
// What a frozen model makes of the films of an archive: features for probes, logits of its own head.
#pragma once

#include "trainer/archive/archive.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace chexworld {

/// What of a film's tokens f32[N,D] becomes its feature vector.
struct FeatureChoice {
  enum class Kind {
    kMean,           ///< "mean": over tokens, D numbers: what `fc` heads of bundles see
    kGrid,           ///< "grid:K": means over K x K fields of the film, K * K * D numbers: keeps where things are
    kMeanDeviation,  ///< "mean+std": mean and standard deviation over tokens, 2 D numbers
    kLayers,         ///< "layers": mean over tokens after every block, depth * D numbers
  };
  Kind kind = Kind::kMean;
  std::int64_t grid = 1;  ///< K

  friend bool operator==(const FeatureChoice&, const FeatureChoice&) = default;
};

/// Throws Failure(kInvalidArgument) for another text.
FeatureChoice feature_choice_from(const std::string& text);
std::string text_of(const FeatureChoice& choice);

struct EncodeOptions {
  std::string device = "cpu";     ///< "cpu", "cuda", "cuda:1"
  std::int64_t batch = 16;        ///< films at once
  std::filesystem::path cache{};  ///< folder of features that were computed before; empty: none is read or written
};

/// Told films done and all.
using EncodeObserver = std::function<void(std::int64_t, std::int64_t)>;

/// One row of numbers per film.
struct EncodedFilms {
  std::size_t columns = 0;
  std::vector<float> values;    ///< f32[n,columns]
  std::int64_t from_cache = 0;  ///< films that did not have to be computed
};

/// In f32. The preparation is the bundle's, without trimming, which the archive has done. Cached by model id, choice
/// and the film's pixels (docs/formats.md), so a film is computed once, whatever archive it is in. Throws what
/// Bundle::open throws; Failure(kInvalidArgument) for a choice that the encoder has no patches for.
EncodedFilms encode_films(const std::filesystem::path& bundle, const Archive& archive,
                          const std::vector<std::int64_t>& films, const FeatureChoice& choice,
                          const EncodeOptions& options, const EncodeObserver& observer = {});

/// Logits f32[n,K] of the bundle's head, before calibration. Throws Failure(kInvalidArgument) for a bundle without one.
EncodedFilms score_films(const std::filesystem::path& bundle, const Archive& archive,
                         const std::vector<std::int64_t>& films, const EncodeOptions& options,
                         const EncodeObserver& observer = {});

}  // namespace chexworld
