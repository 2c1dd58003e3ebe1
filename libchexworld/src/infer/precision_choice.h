// SPDX-License-Identifier: Apache-2.0
//
// From weights and options to a backend that keeps its promise about accuracy.
#pragma once

#include "infer/backend.h"
#include "infer/calibration.h"

#include <chexworld/engine.h>

#include <memory>
#include <optional>

namespace chexworld {

struct ChosenBackend {
  std::unique_ptr<Backend> backend;
  Precision precision = Precision::kF32;
  std::string name;                              // of the backend; empty for oneDNN
  std::string instructions;                      // the device; empty for oneDNN
  std::optional<double> least_cosine;            // to f32, where it was checked
  std::optional<StoredCalibration> calibration;  // of an int8 backend
  std::vector<std::string> remarks;
};

/// `self_test`: only where its image size is the encoder's. Throws Failure: kUnsupported where the precision asked for
/// cannot be had here or misses its bound, kMalformed where f32 does not reproduce the self-test.
ChosenBackend choose_backend(const EncoderWeights& weights, const std::optional<SelfTest>& self_test,
                             const EngineOptions& options, int threads);

}  // namespace chexworld
