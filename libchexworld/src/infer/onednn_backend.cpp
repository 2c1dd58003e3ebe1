// SPDX-License-Identifier: Apache-2.0
#include "infer/onednn_backend.h"

#include "infer/block_layers.h"
#include "infer/kernels.h"
#include "infer/threads.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>

namespace chexworld {
namespace {

using Type = dnnl::memory::data_type;

/// Gathers statistics; `mean` holds the sum until it is done.
class Observer {
 public:
  static void see(ChannelStatistics& channels, const float* values, std::size_t rows, std::size_t width) {
    if (channels.least.empty()) {
      channels.least.assign(values, values + width);
      channels.most = channels.least;
      channels.mean.assign(width, 0);
    }
    for (std::size_t row = 0; row < rows; ++row, values += width) {
      for (std::size_t i = 0; i < width; ++i) {
        channels.least[i] = std::min(channels.least[i], values[i]);
        channels.most[i] = std::max(channels.most[i], values[i]);
        channels.mean[i] += values[i];
      }
    }
  }

  static void finish(Calibration& calibration, std::size_t rows) {
    for (BlockStatistics& block : calibration) {
      for (ChannelStatistics* channels :
           {&block.attention_input, &block.attention_output, &block.mlp_input, &block.mlp_hidden}) {
        for (float& mean : channels->mean) mean /= float(rows);
      }
    }
  }
};

class OneDnnBackend final : public Backend {
 public:
  OneDnnBackend(const EncoderWeights& weights, const OneDnnOptions& options)
      : engine_(dnnl::engine::kind::cpu, 0),
        shape_(weights.shape),
        threads_(options.threads),
        positions_(weights.positions),
        norm_(weights.norm) {
    const ThreadScope threads(threads_);
    stream_type_ = options.wide == LinearType::kF32 ? Type::f32 : Type::bf16;
    LayerBuilder builder(engine_, shape_, options.wide, slots_);
    patch_embed_ = builder.patch_embedding(weights.patch_embed);
    for (std::size_t i = 0; i < weights.blocks.size(); ++i)
      blocks_.push_back(builder.block(weights.blocks[i],
                                      options.int8.empty() ? BlockInt8{false, false} : options.int8[i],
                                      options.statistics ? &(*options.statistics)[i] : nullptr));
  }

  void encode(const float* images, std::int64_t batch, float* tokens, float* embedding) const override {
    const ThreadScope threads(threads_);
    const Lease lease(*this, batch);
    compute(*lease, images, nullptr);
    finish(*lease, tokens, embedding);
  }

  Calibration observe(const float* images, std::int64_t batch) const override {
    const ThreadScope threads(threads_);
    const Lease lease(*this, 1);
    Calibration seen(blocks_.size());
    for (std::int64_t i = 0; i < batch; ++i) compute(*lease, images + i * image_values(shape_), &seen);
    Observer::finish(seen, std::size_t(batch * shape_.patches()));
    return seen;
  }

 private:
  /// A session for the length of a call; sessions are kept and used again.
  class Lease {
   public:
    Lease(const OneDnnBackend& backend, std::int64_t batch) : backend_(backend), session_(backend.take(batch)) {}
    ~Lease() { backend_.give_back(std::move(session_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    OneDnnSession& operator*() const { return *session_; }

   private:
    const OneDnnBackend& backend_;
    std::unique_ptr<OneDnnSession> session_;
  };

  std::unique_ptr<OneDnnSession> take(std::int64_t batch) const {
    {
      const std::lock_guard lock(mutex_);
      auto& idle = idle_[batch];
      if (!idle.empty()) {
        std::unique_ptr<OneDnnSession> session = std::move(idle.back());
        idle.pop_back();
        return session;
      }
    }
    return std::make_unique<OneDnnSession>(engine_, shape_, batch, slots_, stream_type_);
  }

  void give_back(std::unique_ptr<OneDnnSession> session) const {
    const std::lock_guard lock(mutex_);
    auto& idle = idle_[session->batch()];
    idle.push_back(std::move(session));
  }

  void compute(OneDnnSession& session, const float* images, Calibration* seen) const {
    embed_patches(session, images);
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      attention(session, blocks_[i], seen ? &(*seen)[i] : nullptr);
      mlp(session, blocks_[i], seen ? &(*seen)[i] : nullptr);
    }
  }

  /// Calls work with q, k, v, attention's output or the hidden layer as what they are: f32 or bf16.
  template <class Work>
  void with_type(std::byte* values, const Work& work) const {
    if (stream_type_ == Type::f32)
      work(reinterpret_cast<float*>(values));
    else
      work(reinterpret_cast<Bfloat16Bits*>(values));
  }

  template <class Element>
  void cut_into_patches(const float* images, std::size_t begin, std::size_t end, Element* patches) const {
    const auto patch = std::size_t(shape_.patch_size), side = std::size_t(shape_.image_size);
    const auto grid = std::size_t(grid_of(shape_)), channels = std::size_t(shape_.channels);
    for (std::size_t row = begin; row < end; ++row) {
      const std::size_t image = row / (grid * grid), place = row % (grid * grid);
      const float* corner =
          images + image * channels * side * side + place / grid * patch * side + place % grid * patch;
      Element* to = patches + row * channels * patch * patch;
      for (std::size_t c = 0; c < channels; ++c) {
        for (std::size_t y = 0; y < patch; ++y, to += patch) convert(corner + (c * side + y) * side, patch, to);
      }
    }
  }

  void embed_patches(OneDnnSession& session, const float* images) const {
    share(session.rows(), [&](std::size_t begin, std::size_t end) {
      with_type(session.wide(), [&](auto* patches) { cut_into_patches(images, begin, end, patches); });
    });
    for (std::int64_t i = 0; i < session.batch(); ++i)
      std::copy(positions_.begin(), positions_.end(), session.residual() + std::size_t(i) * positions_.size());
    session.apply(patch_embed_);
  }

  void attention(OneDnnSession& session, const BlockLayers& block, BlockStatistics* seen) const {
    const auto width = std::size_t(shape_.width);
    norm(session, block.norm1, block.qkv);
    if (seen != nullptr) watch(session.normed(), session, width, seen->attention_input);
    session.apply(block.qkv.layer);
    if (block.qkv.is_int8()) {
      by_rows(session, session.wide(), 3 * width, [&](auto* qkv, std::size_t first, std::size_t rows) {
        scale_rows(qkv, rows, 3 * width, session.row_scales() + first, block.qkv.bias.data());
      });
    }
    session.attend();
    if (seen != nullptr) watch(session.normed(), session, width, seen->attention_output);
    if (block.proj.is_int8()) {
      by_rows(session, session.normed(), width, [&](const auto* values, std::size_t first, std::size_t rows) {
        code_rows(values, rows, width, block.proj.channels(), coded(session, first, width));
      });
    }
    session.apply(block.proj.layer);
    add_product(session, block.proj);
  }

  void mlp(OneDnnSession& session, const BlockLayers& block, BlockStatistics* seen) const {
    const auto hidden = std::size_t(shape_.mlp_width);
    norm(session, block.norm2, block.fc1);
    if (seen != nullptr) watch(session.normed(), session, std::size_t(shape_.width), seen->mlp_input);
    session.apply(block.fc1.layer);
    if (seen != nullptr) watch(session.wide(), session, hidden, seen->mlp_hidden);
    if (block.fc1.is_int8()) {
      by_rows(session, session.wide(), hidden, [&](const auto* product, std::size_t first, std::size_t rows) {
        gelu_coded(product, rows, hidden, session.row_scales() + first, block.fc1.bias.data(), block.fc2.channels(),
                   session.hidden_row(), coded(session, first, hidden));
      });
    }
    session.apply(block.fc2.layer);
    add_product(session, block.fc2);
  }

  /// Calls work(values of the first row, first row, rows) on every thread with its share.
  template <class Work>
  void by_rows(OneDnnSession& session, std::byte* values, std::size_t width, const Work& work) const {
    share(session.rows(), [&](std::size_t begin, std::size_t end) {
      with_type(values, [&](auto* typed) { work(typed + begin * width, begin, end - begin); });
    });
  }

  static CodedRows coded(OneDnnSession& session, std::size_t first, std::size_t width) {
    return {session.coded() + first * width, session.row_scales() + first};
  }

  /// An int8 proj or fc2 to the residual stream; others did that themselves.
  void add_product(OneDnnSession& session, const BlockLayer& layer) const {
    if (!layer.is_int8()) return;
    const auto width = std::size_t(shape_.width);
    share(session.rows(), [&](std::size_t begin, std::size_t end) {
      add_scaled_rows(reinterpret_cast<const float*>(session.wide()) + begin * width, end - begin, width,
                      session.row_scales() + begin, layer.bias.data(), session.residual() + begin * width);
    });
  }

  static void watch(const std::byte* values, OneDnnSession& session, std::size_t width, ChannelStatistics& channels) {
    Observer::see(channels, reinterpret_cast<const float*>(values), session.rows(), width);
  }

  /// The residual stream, normalised, as `next` wants it.
  void norm(OneDnnSession& session, const NormParameters& parameters, const BlockLayer& next) const {
    const auto width = std::size_t(shape_.width);
    const NormWeights weights{parameters.gain.data(), parameters.shift.data(), float(shape_.norm_eps)};
    share(session.rows(), [&](std::size_t begin, std::size_t end) {
      const float* x = session.residual() + begin * width;
      if (next.is_int8())
        layer_norm_coded(x, end - begin, width, weights, coded(session, begin, width));
      else
        with_type(session.normed(), [&](auto* to) { layer_norm(x, end - begin, width, weights, to + begin * width); });
    });
  }

  void finish(OneDnnSession& session, float* tokens, float* embedding) const {
    const auto width = std::size_t(shape_.width), count = std::size_t(shape_.patches());
    float* to = tokens != nullptr ? tokens : session.residual();
    share(session.rows(), [&](std::size_t begin, std::size_t end) {
      const float* x = session.residual() + begin * width;
      if (norm_)
        layer_norm(x, end - begin, width, {norm_->gain.data(), norm_->shift.data(), float(shape_.norm_eps)},
                   to + begin * width);
      else if (tokens != nullptr)
        convert(x, (end - begin) * width, to + begin * width);
    });
    for (std::size_t i = 0; embedding != nullptr && i < std::size_t(session.batch()); ++i)
      mean_of_rows(to + i * count * width, count, width, embedding + i * width);
  }

  dnnl::engine engine_;
  const EncoderShape shape_;
  const int threads_;
  const std::vector<float> positions_;
  const std::optional<NormParameters> norm_;
  Type stream_type_ = Type::f32;
  std::vector<LayerSlot> slots_;
  Layer patch_embed_;
  std::vector<BlockLayers> blocks_;
  mutable std::mutex mutex_;
  mutable std::map<std::int64_t, std::vector<std::unique_ptr<OneDnnSession>>> idle_;  // guarded by mutex_
};

}  // namespace

bool processor_has(LinearType type) {
  const auto isa = unsigned(dnnl::get_effective_cpu_isa());  // a set: newer ones contain older ones
  const auto has = [&](dnnl::cpu_isa needed) { return (isa & unsigned(needed)) == unsigned(needed); };
  switch (type) {
    case LinearType::kF32: return true;
    case LinearType::kBf16: return has(dnnl::cpu_isa::avx512_core_bf16);
    case LinearType::kInt8: return has(dnnl::cpu_isa::avx512_core_vnni) || has(dnnl::cpu_isa::avx2_vnni);
  }
  return false;
}

std::string onednn_version() {
  const dnnl_version_t* version = dnnl_version();
  return "oneDNN " + std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
         std::to_string(version->patch);
}

std::string onednn_instructions() {
  switch (dnnl::get_effective_cpu_isa()) {
    case dnnl::cpu_isa::isa_default: return "x86-64";
    case dnnl::cpu_isa::sse41: return "sse41";
    case dnnl::cpu_isa::avx: return "avx";
    case dnnl::cpu_isa::avx2: return "avx2";
    case dnnl::cpu_isa::avx2_vnni: return "avx2_vnni";
    case dnnl::cpu_isa::avx2_vnni_2: return "avx2_vnni_2";
    case dnnl::cpu_isa::avx512_core: return "avx512_core";
    case dnnl::cpu_isa::avx512_core_vnni: return "avx512_core_vnni";
    case dnnl::cpu_isa::avx512_core_bf16: return "avx512_core_bf16";
    case dnnl::cpu_isa::avx512_core_fp16: return "avx512_core_fp16";
    case dnnl::cpu_isa::avx512_core_amx: return "avx512_core_amx";
    default: return "newer than avx512_core_amx";
  }
}

std::unique_ptr<Backend> make_onednn_backend(const EncoderWeights& weights, const OneDnnOptions& options) {
  return std::make_unique<OneDnnBackend>(weights, options);
}

}  // namespace chexworld
