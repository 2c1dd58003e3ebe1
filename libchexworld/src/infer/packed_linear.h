// SPDX-License-Identifier: Apache-2.0
//
// Linear layers on oneDNN: weights arranged once for the processor; bias, GELU and residual of f32 and bf16 done while
// the product is still in registers. An int8 layer's product still lacks the scale of its row and the bias
// (infer/row_coding.h).
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
  dnnl::memory::data_type output = dnnl::memory::data_type::f32;  ///< f32 or bf16

  dnnl::memory::data_type activation() const;  ///< of the input

  friend bool operator==(const LinearKind&, const LinearKind&) = default;
};

/// The kernel for one kind and `rows` rows. `weights`: empty to let oneDNN choose their arrangement, else the one
/// chosen.
dnnl::matmul::primitive_desc linear_kernel(const dnnl::engine& engine, const LinearKind& kind, std::int64_t rows,
                                           const dnnl::memory::desc& weights);

/// A layer's numbers, arranged.
struct PackedLinear {
  LinearKind kind;
  dnnl::memory weights;
  dnnl::memory bias;          ///< f32[1,outputs]; int8: the compensation
  dnnl::memory weight_scale;  ///< f32[outputs]; empty but for int8
};

/// f32 or bf16. `rows`: the usual number of rows, for which the arrangement is chosen.
PackedLinear pack(const dnnl::engine& engine, const LinearKind& kind, const LinearWeights& layer, std::int64_t rows);

/// int8.
PackedLinear pack_int8(const dnnl::engine& engine, const LinearKind& kind, const QuantizedLinear& layer,
                       std::int64_t rows);

}  // namespace chexworld
