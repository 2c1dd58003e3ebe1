// SPDX-License-Identifier: Apache-2.0
//
// Linear layers on oneDNN: weights arranged once for the processor, bias, GELU, residual and requantisation done while
// the product is still in registers.
#pragma once

#include "infer/quantize.h"

#include <oneapi/dnnl/dnnl.hpp>

#include <cstdint>

namespace chexworld {

/// What a layer computes with.
enum class LinearType { kF32, kBf16, kInt8 };

/// What happens to a product besides the bias.
enum class Epilogue {
  kNone,
  kAdd,   ///< is added to what the output holds
  kGelu,  ///< exact GELU
};

/// Everything that decides how a layer is computed, but the number of rows.
struct LinearKind {
  LinearType type = LinearType::kF32;
  std::int64_t inputs = 0;
  std::int64_t outputs = 0;
  Epilogue epilogue = Epilogue::kNone;
  dnnl::memory::data_type output = dnnl::memory::data_type::f32;  ///< f32, bf16, or u8 (with scale and zero point)

  dnnl::memory::data_type activation() const;  ///< of the input

  friend bool operator==(const LinearKind&, const LinearKind&) = default;
};

/// The kernel for one kind and `rows` rows. `weights`: empty to let oneDNN choose their arrangement, else the one
/// chosen.
dnnl::matmul::primitive_desc linear_kernel(const dnnl::engine& engine, const LinearKind& kind, std::int64_t rows,
                                           const dnnl::memory::desc& weights);

/// A layer's numbers, arranged. `scale` entries are empty but for int8.
struct PackedLinear {
  LinearKind kind;
  dnnl::memory weights;
  dnnl::memory bias;               ///< f32[1,outputs]
  dnnl::memory input_scale;        ///< f32[1]
  dnnl::memory weight_scale;       ///< f32[outputs]
  dnnl::memory output_scale;       ///< f32[1], where the output is u8
  dnnl::memory output_zero_point;  ///< s32[1], where the output is u8
};

/// f32 or bf16. `rows`: the usual number of rows, for which the arrangement is chosen.
PackedLinear pack(const dnnl::engine& engine, const LinearKind& kind, const LinearWeights& layer, std::int64_t rows);

/// int8; `output` where kind.output is u8.
PackedLinear pack_int8(const dnnl::engine& engine, const LinearKind& kind, const LinearWeights& layer,
                       const Coding& input, const UniformCoding* output, std::int64_t rows);

}  // namespace chexworld
