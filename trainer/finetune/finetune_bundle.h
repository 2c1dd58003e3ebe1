// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bundle/bundle_config.h"
#include "nn/heads.h"
#include "trainer/finetune/encoder_start.h"

#include <filesystem>
#include <string>

namespace chexworld {

/// What a bundle says about a classifier besides its weights.
struct ClassifierCard {
  BundleHead head;  ///< labels with calibration and thresholds; kind and attention heads are filled in
  BundleDomain domain;
  Json evaluation = Json::object();
  Json training = Json::object();
  std::string licence;
};

/// Encoder, head and a self-test as one bundle (docs/formats.md). Returns the model id. Throws Failure.
std::string write_classifier_bundle(const std::filesystem::path& path, const Classifier& classifier,
                                    const HeadConfig& head, const EncoderStart& start, ClassifierCard card);

/// An input and what the encoder computes from it, for the bundle's self-test.
void add_self_test(State& state, const VisionTransformer& encoder);

}  // namespace chexworld
