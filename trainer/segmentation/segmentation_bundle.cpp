// SPDX-License-Identifier: Apache-2.0
#include "trainer/segmentation/segmentation_bundle.h"

#include "nn/encoder_config.h"
#include "nn/segmenter_bundle.h"
#include "nn/tensor_convert.h"
#include "trainer/finetune/finetune_bundle.h"

#include <c10/core/GradMode.h>

namespace chexworld {

std::string write_segmenter_bundle(const std::filesystem::path& path, const Segmenter& segmenter,
                                   const EncoderStart& start, SegmenterCard card) {
  const c10::NoGradGuard no_gradient;
  State state = bundle_state(segmenter);
  add_self_test(state, segmenter.encoder());
  TensorMap tensors;
  for (const auto& [name, tensor] : state) tensors[name] = view_of(tensor);
  BundleConfig config;
  config.encoder = encoder_shape_of(segmenter.encoder().config());
  config.preprocessing = to_json(start.recipe);
  config.decoder = std::move(card.decoder);
  config.evaluation = std::move(card.evaluation);
  config.training = std::move(card.training);
  config.licence = start.licence;
  write_bundle(path, config, tensors);
  return Bundle::open(path).model_id();
}

}  // namespace chexworld
