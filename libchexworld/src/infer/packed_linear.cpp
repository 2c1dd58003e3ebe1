// SPDX-License-Identifier: Apache-2.0
#include "infer/packed_linear.h"

#include <cstring>

namespace chexworld {
namespace {

using Memory = dnnl::memory;
using Type = Memory::data_type;
using Layout = Memory::format_tag;

dnnl::primitive_attr attributes_of(const LinearKind& kind) {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  dnnl::post_ops after;
  if (kind.epilogue == Epilogue::kAdd) after.append_sum(1.0F);
  if (kind.epilogue == Epilogue::kGelu) after.append_eltwise(dnnl::algorithm::eltwise_gelu_erf, 0, 0);
  attributes.set_post_ops(after);
  if (kind.type == LinearType::kInt8) attributes.set_scales_mask(DNNL_ARG_WEIGHTS, 1 << 1);  // one per output channel
  return attributes;
}

Type weight_type(const LinearKind& kind) { return kind.type == LinearType::kInt8 ? Type::s8 : kind.activation(); }

template <class T>
Memory filled(const dnnl::engine& engine, const Memory::dims& shape, Type type, const T* values) {
  Memory memory({shape, type, shape.size() == 1 ? Layout::a : Layout::ab}, engine);
  std::memcpy(memory.get_data_handle(), values, memory.get_desc().get_size());
  return memory;
}

/// Rows of `values` are output channels; the result is in the kernel's own arrangement and type.
template <class T>
Memory arranged(const dnnl::engine& engine, const LinearKind& kind, Type type, const T* values, std::int64_t rows) {
  const Memory::desc wanted = linear_kernel(engine, kind, rows, {}).weights_desc();
  const Memory plain({{kind.inputs, kind.outputs}, type, Layout::ba}, engine, const_cast<T*>(values));
  Memory weights(wanted, engine);
  dnnl::stream stream(engine);
  dnnl::reorder(plain, weights).execute(stream, const_cast<Memory&>(plain), weights);
  stream.wait();
  return weights;
}

}  // namespace

Type LinearKind::activation() const {
  switch (type) {
    case LinearType::kF32: return Type::f32;
    case LinearType::kBf16: return Type::bf16;
    case LinearType::kInt8: return Type::u8;
  }
  return Type::undef;
}

dnnl::matmul::primitive_desc linear_kernel(const dnnl::engine& engine, const LinearKind& kind, std::int64_t rows,
                                           const Memory::desc& weights) {
  const Memory::desc input({rows, kind.inputs}, kind.activation(), Layout::ab);
  const Memory::desc any({kind.inputs, kind.outputs}, weight_type(kind), Layout::any);
  const Memory::desc bias({1, kind.outputs}, Type::f32, Layout::ab);
  const Memory::desc output({rows, kind.outputs}, kind.output, Layout::ab);
  return {engine, input, weights.is_zero() ? any : weights, bias, output, attributes_of(kind)};
}

PackedLinear pack(const dnnl::engine& engine, const LinearKind& kind, const LinearWeights& layer, std::int64_t rows) {
  PackedLinear packed;
  packed.kind = kind;
  packed.weights = arranged(engine, kind, Type::f32, layer.weight.data(), rows);
  packed.bias = filled(engine, {1, kind.outputs}, Type::f32, layer.bias.data());
  return packed;
}

PackedLinear pack_int8(const dnnl::engine& engine, const LinearKind& kind, const QuantizedLinear& layer,
                       std::int64_t rows) {
  PackedLinear packed;
  packed.kind = kind;
  packed.weights = arranged(engine, kind, Type::s8, layer.weight.data(), rows);
  packed.bias = filled(engine, {1, kind.outputs}, Type::f32, layer.compensation.data());
  packed.weight_scale = filled(engine, {kind.outputs}, Type::f32, layer.weight_scale.data());
  return packed;
}

}  // namespace chexworld
