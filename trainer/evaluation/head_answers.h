// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "trainer/evaluation/evaluation.h"

#include <chexworld/bundle.h>

#include <span>

namespace chexworld {

/// Labels as the head of a bundle would have them: classes in its order where it has classes and nobody named any.
LabelColumns columns_for(const BundleHead& head, const LabelColumns& asked);

/// A head's answers beside the labels: of its `logits` f32[n,outputs], calibrated as the bundle says, those whose names
/// are findings of `labels`, with their thresholds. Throws Failure(kInvalidArgument) naming findings that the head does
/// not have, or where classes meet a head whose classes are others.
ScoredFilms head_answers(const BundleHead& head, std::span<const float> logits, const LabelledFilms& labels);

}  // namespace chexworld
