// SPDX-License-Identifier: Apache-2.0
#include "bench/gemm_floor.h"

#include "infer/threads.h"

#include <cstring>
#include <unordered_map>
#include <vector>

namespace chexworld::bench {
namespace {

using Memory = dnnl::memory;
using Type = Memory::data_type;

struct Product {
  dnnl::primitive primitive;
  std::unordered_map<int, Memory> arguments;
};

}  // namespace

struct GemmFloor::Parts {
  Parts(const EncoderShape& encoder, LinearType linear, std::int64_t images, int thread_count)
      : shape(encoder),
        type(linear),
        batch(images),
        threads(thread_count),
        engine(dnnl::engine::kind::cpu, 0),
        stream(engine) {
    const ThreadScope scope(threads);
    const std::int64_t width = shape.width;
    add_linear(patch_values(shape), width, type == LinearType::kInt8 ? LinearType::kBf16 : type);
    for (std::int64_t i = 0; i < shape.depth; ++i) {
      add_linear(width, 3 * width, type);
      for (std::int64_t image = 0; image < batch; ++image) add_attention();
      add_linear(width, width, type);
      add_linear(width, shape.mlp_width, type);
      add_linear(shape.mlp_width, width, type);
    }
  }

  Type stream_type() const { return type == LinearType::kF32 ? Type::f32 : Type::bf16; }

  Memory filled(const Memory::desc& desc) {
    Memory memory(desc, engine);
    std::memset(memory.get_data_handle(), 0, desc.get_size());
    return memory;
  }

  /// One shared piece of memory per role: the products do not depend on each other's numbers.
  Memory shared(std::unordered_map<std::size_t, Memory>& pool, const Memory::desc& desc) {
    auto [found, fresh] = pool.try_emplace(desc.get_size());
    if (fresh) found->second = filled(desc);
    return {desc, engine, found->second.get_data_handle()};
  }

  void add_linear(std::int64_t inputs, std::int64_t outputs, LinearType kind_type) {
    const LinearKind kind{kind_type, inputs, outputs, Epilogue::kNone, stream_type()};
    const auto kernel = linear_kernel(engine, kind, batch * shape.patches(), {});
    Product product{dnnl::matmul(kernel),
                    {{DNNL_ARG_SRC, shared(sources, kernel.src_desc())},
                     {DNNL_ARG_WEIGHTS, filled(kernel.weights_desc())},  // its own, as in a model
                     {DNNL_ARG_BIAS, shared(sources, kernel.query_md(dnnl::query::weights_md, 1))},
                     {DNNL_ARG_DST, shared(targets, kernel.dst_desc())},
                     {DNNL_ARG_SCRATCHPAD, shared(scratch, kernel.scratchpad_desc())}}};
    if (kind_type == LinearType::kInt8)
      product.arguments[DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS] =
          filled({{outputs}, Type::f32, Memory::format_tag::a});
    products.push_back(std::move(product));
  }

  void add_attention() {
    const std::int64_t heads = shape.heads, count = shape.patches(), width = shape.width, part = head_width(shape);
    const Memory::desc rows({heads, count, part}, stream_type(), Memory::dims{part, 3 * width, 1});
    const Memory::desc columns({heads, part, count}, stream_type(), Memory::dims{part, 1, 3 * width});
    const Memory::desc scores({heads, count, count}, Type::f32, Memory::format_tag::abc);
    const Memory::desc weights({heads, count, count}, stream_type(), Memory::format_tag::abc);
    const Memory::desc output({heads, count, part}, stream_type(), Memory::dims{part, width, 1});
    add_product(rows, columns, scores);
    add_product(weights, rows, output);
  }

  void add_product(const Memory::desc& a, const Memory::desc& b, const Memory::desc& c) {
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const dnnl::matmul::primitive_desc kernel(engine, a, b, c, attributes);
    products.push_back({dnnl::matmul(kernel),
                        {{DNNL_ARG_SRC, shared(sources, a)},
                         {DNNL_ARG_WEIGHTS, shared(seconds, b)},
                         {DNNL_ARG_DST, shared(targets, c)},
                         {DNNL_ARG_SCRATCHPAD, shared(scratch, kernel.scratchpad_desc())}}});
  }

  const EncoderShape shape;
  const LinearType type;
  const std::int64_t batch;
  const int threads;
  dnnl::engine engine;
  dnnl::stream stream;
  std::unordered_map<std::size_t, Memory> sources, seconds, targets, scratch;  // by size in bytes
  std::vector<Product> products;
};

GemmFloor::GemmFloor(const EncoderShape& shape, LinearType type, std::int64_t batch, int threads)
    : parts_(std::make_unique<Parts>(shape, type, batch, threads)) {}
GemmFloor::~GemmFloor() = default;

void GemmFloor::run() {
  const ThreadScope scope(parts_->threads);
  for (const Product& product : parts_->products) product.primitive.execute(parts_->stream, product.arguments);
  parts_->stream.wait();
}

}  // namespace chexworld::bench
