// SPDX-License-Identifier: Apache-2.0
//
// Finds a vision transformer among somebody's tensors and names it as bundles do.
//
// An encoder is wherever a name ends in "patch_embed.proj.weight"; what stands in front is its prefix, whatever the
// nesting: "model.target_encoder.", "encoder.module.", "state_dict.", "model.feature_model.", or nothing.
#pragma once

#include "bundle/bundle_config.h"
#include "bundle/safetensors.h"
#include "bundle/weight_source.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace chexworld {

struct ImportOptions {
  enum class Component {
    kAutomatic,  ///< the target encoder where there is one (as the released fine-tuning does), else the only encoder
    kTarget,
    kContext,
  };
  Component component = Component::kAutomatic;
  std::string architecture;       ///< a name that the shapes must fit; empty: any
  std::int64_t heads = 0;         ///< 0: by the specification's table, for the widths in it
  bool drop_class_token = false;  ///< import a model with class token without it, which changes its results
  bool with_head = true;
  std::vector<std::string> labels;  ///< of the head's outputs; empty: "class 0", "class 1", ...
};

/// An encoder under its bundle names, f32, and what came with it. Views live as long as the object and its source.
struct ImportedModel {
  EncoderShape encoder;
  std::optional<BundleHead> head;
  TensorMap tensors;      ///< "encoder.*", "head.*"
  std::string component;  ///< the prefix without its last dot
  std::vector<std::string> notes;
  std::vector<std::unique_ptr<std::vector<float>>> converted;  ///< of tensors that were not f32
};

/// Throws Failure naming the file and the tensor: kInvalidArgument (a choice is needed), kUnsupported (another kind of
/// model), kMalformed (shapes that contradict each other, missing tensors, infinities or NaN).
ImportedModel import_vision_transformer(const WeightSource& source, const ImportOptions& options);

}  // namespace chexworld
