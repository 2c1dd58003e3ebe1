// SPDX-License-Identifier: Apache-2.0
#include "infer/onednn_session.h"

#include "infer/kernels.h"
#include "infer/threads.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <new>

namespace chexworld {
namespace {

using Memory = dnnl::memory;
using Type = Memory::data_type;

constexpr std::size_t kAlignment = 64;  // bytes: a cache line and the widest vector

std::byte* allocate(std::size_t bytes) {
  void* memory = std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
  if (memory == nullptr) throw std::bad_alloc();
  return static_cast<std::byte*>(memory);
}

/// A kernel's arguments without allocating: oneDNN's C interface takes them from the stack.
class Arguments {
 public:
  void add(int role, const Memory& memory) {
    if (memory.get(true) != nullptr) entries_[std::size_t(count_++)] = {role, memory.get()};
  }

  void run(const dnnl::primitive& primitive, const dnnl::stream& stream) {
    dnnl::error::wrap_c_api(dnnl_primitive_execute(primitive.get(), stream.get(), count_, entries_.data()),
                            "oneDNN could not run a matrix product");
  }

 private:
  std::array<dnnl_exec_arg_t, 9> entries_{};
  int count_ = 0;
};

dnnl::primitive_attr own_scratch() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

}  // namespace

OneDnnSession::OneDnnSession(const dnnl::engine& engine, const EncoderShape& shape, std::int64_t batch,
                             const std::vector<LayerSlot>& slots, Type stream_type)
    : engine_(engine), stream_(engine), shape_(shape), batch_(batch), stream_type_(stream_type) {
  lay_out(slots);
  memory_.reset(allocate(bytes_));
  for (const LayerSlot& slot : slots) bind(slot);
  bind_attention();
}

std::size_t OneDnnSession::reserve(std::size_t bytes) {
  const std::size_t offset = bytes_;
  bytes_ += (bytes + kAlignment - 1) / kAlignment * kAlignment;
  return offset;
}

void OneDnnSession::lay_out(const std::vector<LayerSlot>& slots) {
  const std::size_t element = Memory::data_type_size(stream_type_);
  const auto width = std::size_t(shape_.width);
  std::size_t widest = 0;  // bytes per row of what goes through wide()
  for (const LayerSlot& slot : slots) {
    if (slot.stage == Stage::kPatches)
      widest = std::max(widest, std::size_t(slot.kind.inputs) * Memory::data_type_size(slot.kind.activation()));
    if (slot.stage == Stage::kQkv || slot.stage == Stage::kFc1)
      widest = std::max(widest, std::size_t(slot.kind.outputs) * Memory::data_type_size(slot.kind.output));
  }
  const std::size_t pairs = std::size_t(shape_.heads * shape_.patches() * shape_.patches());
  const bool int8 = std::any_of(slots.begin(), slots.end(),
                                [](const LayerSlot& slot) { return slot.kind.type == LinearType::kInt8; });
  if (int8) {
    widest = std::max(widest, width * sizeof(float));
    coded_ = reserve(rows() * std::max(width, std::size_t(shape_.mlp_width)));
    row_scales_ = reserve(rows() * sizeof(float));
    hidden_row_ = (std::size_t(shape_.mlp_width) + kAlignment - 1) / kAlignment * kAlignment;
    hidden_rows_ = reserve(most_threads() * hidden_row_ * sizeof(float));
  }
  residual_ = reserve(rows() * width * sizeof(float));
  normed_ = reserve(rows() * width * element);
  wide_ = reserve(rows() * widest);
  scores_ = reserve(pairs * sizeof(float));
  weights_ = stream_type_ == Type::f32 ? scores_ : reserve(pairs * element);
}

std::byte* OneDnnSession::input_of(const LayerSlot& slot) {
  if (slot.kind.type == LinearType::kInt8) return at(coded_);
  return slot.stage == Stage::kPatches || slot.stage == Stage::kFc2 ? wide() : normed();
}

std::byte* OneDnnSession::output_of(const LayerSlot& slot) {
  return slot.kind.epilogue == Epilogue::kAdd ? at(residual_) : wide();
}

Memory OneDnnSession::scratch_for(const dnnl::matmul::primitive_desc& kernel) {
  const Memory::desc wanted = kernel.scratchpad_desc();
  if (wanted.get_size() == 0) return {};
  scratch_.emplace_back(allocate(wanted.get_size()));
  return {wanted, engine_, scratch_.back().get()};
}

void OneDnnSession::bind(const LayerSlot& slot) {
  const auto kernel = linear_kernel(engine_, slot.kind, std::int64_t(rows()), slot.weights);
  kernels_.push_back({dnnl::matmul(kernel), Memory(kernel.src_desc(), engine_, input_of(slot)),
                      Memory(kernel.dst_desc(), engine_, output_of(slot)), scratch_for(kernel)});
}

void OneDnnSession::apply(const Layer& layer) {
  const Kernel& kernel = kernels_[layer.slot];
  const PackedLinear& packed = layer.packed;
  Arguments arguments;
  arguments.add(DNNL_ARG_SRC, kernel.input);
  arguments.add(DNNL_ARG_WEIGHTS, packed.weights);
  arguments.add(DNNL_ARG_BIAS, packed.bias);
  arguments.add(DNNL_ARG_DST, kernel.output);
  arguments.add(DNNL_ARG_SCRATCHPAD, kernel.scratch);
  arguments.add(DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS, packed.weight_scale);
  arguments.run(kernel.primitive, stream_);
}

// Batched over heads; q, k and v stay where the qkv product put them: row r, head h of q starts at r * 3D + h * D/H.
void OneDnnSession::bind_attention() {
  const std::int64_t heads = shape_.heads, count = shape_.patches(), width = shape_.width, part = head_width(shape_);
  const std::size_t element = Memory::data_type_size(stream_type_);
  const Memory::desc rows_of_qkv({heads, count, part}, stream_type_, Memory::dims{part, 3 * width, 1});
  const Memory::desc columns_of_qkv({heads, part, count}, stream_type_, Memory::dims{part, 1, 3 * width});
  const Memory::desc scores({heads, count, count}, Type::f32, Memory::format_tag::abc);
  const Memory::desc weights({heads, count, count}, stream_type_, Memory::format_tag::abc);
  const Memory::desc output({heads, count, part}, stream_type_, Memory::dims{part, width, 1});
  const dnnl::matmul::primitive_desc score(engine_, rows_of_qkv, columns_of_qkv, scores, own_scratch());
  const dnnl::matmul::primitive_desc value(engine_, weights, rows_of_qkv, output, own_scratch());
  score_kernel_ = dnnl::matmul(score);
  value_kernel_ = dnnl::matmul(value);
  score_scratch_ = scratch_for(score);
  value_scratch_ = scratch_for(value);
  scores_memory_ = Memory(scores, engine_, at(scores_));
  weights_memory_ = Memory(weights, engine_, at(weights_));
  for (std::int64_t image = 0; image < batch_; ++image) {
    const auto first = std::size_t(image * count * width) * element;
    std::byte* query = wide() + 3 * first;
    images_.push_back({Memory(rows_of_qkv, engine_, query),
                       Memory(columns_of_qkv, engine_, query + std::size_t(width) * element),
                       Memory(rows_of_qkv, engine_, query + std::size_t(2 * width) * element),
                       Memory(output, engine_, normed() + first)});
  }
}

void OneDnnSession::attend() {
  for (std::int64_t image = 0; image < batch_; ++image) weigh(image);
}

void OneDnnSession::weigh(std::int64_t image) {
  const ImageAttention& part = images_[std::size_t(image)];
  Arguments score;
  score.add(DNNL_ARG_SRC, part.query);
  score.add(DNNL_ARG_WEIGHTS, part.key);
  score.add(DNNL_ARG_DST, scores_memory_);
  score.add(DNNL_ARG_SCRATCHPAD, score_scratch_);
  score.run(score_kernel_, stream_);

  const auto count = std::size_t(shape_.patches());
  const float factor = 1.0F / std::sqrt(float(head_width(shape_)));
  share(std::size_t(shape_.heads) * count, [&](std::size_t begin, std::size_t end) {
    float* scores = reinterpret_cast<float*>(at(scores_)) + begin * count;
    if (stream_type_ == Type::f32)
      softmax(scores, end - begin, count, factor, scores);
    else
      softmax(scores, end - begin, count, factor, reinterpret_cast<Bfloat16Bits*>(at(weights_)) + begin * count);
  });

  Arguments value;
  value.add(DNNL_ARG_SRC, weights_memory_);
  value.add(DNNL_ARG_WEIGHTS, part.value);
  value.add(DNNL_ARG_DST, part.output);
  value.add(DNNL_ARG_SCRATCHPAD, value_scratch_);
  value.run(value_kernel_, stream_);
}

}  // namespace chexworld
