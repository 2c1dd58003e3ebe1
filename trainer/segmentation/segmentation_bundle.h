// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bundle/bundle_config.h"
#include "nn/segmenter.h"
#include "trainer/finetune/encoder_start.h"

#include <filesystem>
#include <string>

namespace chexworld {

/// What a bundle says about a segmenter besides its weights.
struct SegmenterCard {
  BundleDecoder decoder;
  Json evaluation = Json::object();
  Json training = Json::object();
};

/// Encoder, decoder and a self-test as one bundle (docs/formats.md). Returns the model id. Throws Failure.
std::string write_segmenter_bundle(const std::filesystem::path& path, const Segmenter& segmenter,
                                   const EncoderStart& start, SegmenterCard card);

}  // namespace chexworld
