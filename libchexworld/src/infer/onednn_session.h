// SPDX-License-Identifier: Apache-2.0
//
// What one call of the oneDNN backend works with: kernels for one batch size and the memory they read and write.
#pragma once

#include "infer/encoder_weights.h"
#include "infer/packed_linear.h"
#include "infer/threads.h"

#include <oneapi/dnnl/dnnl.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace chexworld {

/// Where a linear layer stands: decides what it reads and writes.
enum class Stage { kPatches, kQkv, kProj, kFc1, kFc2 };

/// One distinct kernel among a model's layers.
struct LayerSlot {
  Stage stage;
  LinearKind kind;
  dnnl::memory::desc weights;

  friend bool operator==(const LayerSlot&, const LayerSlot&) = default;
};

struct Layer {
  std::size_t slot = 0;
  PackedLinear packed;
};

/// Not thread safe: one call at a time. Keep threads (ThreadScope) as they were when it was made.
class OneDnnSession {
 public:
  /// `stream_type`: of q, k, v and attention weights: f32 or bf16.
  OneDnnSession(const dnnl::engine& engine, const EncoderShape& shape, std::int64_t batch,
                const std::vector<LayerSlot>& slots, dnnl::memory::data_type stream_type);
  OneDnnSession(const OneDnnSession&) = delete;
  OneDnnSession& operator=(const OneDnnSession&) = delete;

  std::int64_t batch() const { return batch_; }
  std::size_t rows() const { return std::size_t(batch_ * shape_.patches()); }

  // Buffers; M = batch * N rows. Those that share memory are never needed at the same time.
  float* residual() { return reinterpret_cast<float*>(at(residual_)); }  ///< f32[M,D]
  std::byte* normed() { return at(normed_); }  ///< [M,D] of the next layer's type; attention's output
  std::byte* wide() { return at(wide_); }      ///< patches, then qkv, then the MLP's hidden layer
  // The same with int8 layers: their input, and the products of proj and fc2 f32[M,D] in wide().
  std::uint8_t* coded() { return reinterpret_cast<std::uint8_t*>(at(coded_)); }  ///< u8[M,D] or u8[M,mlp_width]
  float* row_scales() { return reinterpret_cast<float*>(at(row_scales_)); }      ///< f32[M], of coded()
  float* hidden_row() { return reinterpret_cast<float*>(at(hidden_rows_)) + thread_index() * hidden_row_; }

  void apply(const Layer& layer);
  /// qkv in wide() to the attention output in normed().
  void attend();

 private:
  struct Kernel {
    dnnl::matmul primitive;
    dnnl::memory input, output, scratch;
  };
  struct ImageAttention {
    dnnl::memory query, key, value, output;
  };

  std::byte* at(std::size_t offset) { return memory_.get() + offset; }
  void lay_out(const std::vector<LayerSlot>& slots);
  std::size_t reserve(std::size_t bytes);
  void bind(const LayerSlot& slot);
  void bind_attention();
  dnnl::memory scratch_for(const dnnl::matmul::primitive_desc& kernel);
  std::byte* input_of(const LayerSlot& slot);
  std::byte* output_of(const LayerSlot& slot);
  void weigh(std::int64_t image);

  dnnl::engine engine_;
  dnnl::stream stream_;
  EncoderShape shape_;
  std::int64_t batch_;
  dnnl::memory::data_type stream_type_;

  std::size_t bytes_ = 0;
  std::size_t residual_ = 0, normed_ = 0, coded_ = 0, row_scales_ = 0, hidden_rows_ = 0, wide_ = 0, scores_ = 0,
              weights_ = 0;
  std::size_t hidden_row_ = 0;  // numbers from one thread's row to the next one's
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };
  std::unique_ptr<std::byte, Free> memory_;
  std::vector<std::unique_ptr<std::byte, Free>> scratch_;  // grows while binding only

  std::vector<Kernel> kernels_;  // as the slots
  dnnl::matmul score_kernel_, value_kernel_;
  dnnl::memory scores_memory_, weights_memory_, score_scratch_, value_scratch_;
  std::vector<ImageAttention> images_;
};

}  // namespace chexworld
