// SPDX-License-Identifier: Apache-2.0
//
// Segmenters in bundles: the encoder as ever, the decoder's tensors below "decoder." (docs/formats.md).
#pragma once

#include "bundle/bundle.h"
#include "nn/segmenter.h"
#include "nn/state.h"

namespace chexworld {

/// By the names of a bundle, f32 on the CPU. Batch norms' counters of batches, which nothing reads, are left out.
State bundle_state(const Segmenter& segmenter);

/// Encoder and decoder, for evaluation. Throws Failure: kNotFound for a bundle without decoder, kMalformed where its
/// tensors are not exactly those of its kind.
std::unique_ptr<Segmenter> read_segmenter(const Bundle& bundle);

}  // namespace chexworld
