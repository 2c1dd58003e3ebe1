// SPDX-License-Identifier: Apache-2.0
//
// What findings heads are made of, for one image: layers in f32 and, for saying where a finding comes from, the way
// back through them.
#pragma once

#include "infer/encoder_weights.h"

#include <span>
#include <vector>

namespace chexworld {

using HeadValues = std::vector<float>;

/// Of every norm in a head; the encoder's is 1e-6.
inline constexpr float kHeadNormEps = 1e-5F;

void through(const LinearWeights& linear, const float* x, float* y);
HeadValues through(const LinearWeights& linear, const HeadValues& x);
HeadValues through(const NormParameters& norm, const float* x);
/// Exact GELU, in place.
void gelu(HeadValues& values);

/// Gradients of a scalar: of the layer's output in, of its input out.
HeadValues back_through(const LinearWeights& linear, std::span<const float> gradient);
/// `x`: the norm's input.
HeadValues back_through(const NormParameters& norm, const HeadValues& x, const HeadValues& gradient);
/// `x`: what went into gelu().
HeadValues back_through_gelu(const HeadValues& x, HeadValues gradient);

double inner_product(const float* a, const float* b, std::size_t count);
/// Mean, and sqrt(variance + kHeadNormEps).
double average(const float* x, std::size_t count);
double norm_deviation(const float* x, std::size_t count);

}  // namespace chexworld
