// SPDX-License-Identifier: Apache-2.0
#include "infer/onednn_backend.h"

#include "base/failure.h"
#include "infer/kernels.h"
#include "infer/onednn_session.h"
#include "infer/threads.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>

namespace chexworld {
namespace {

using Type = dnnl::memory::data_type;

struct BlockLayers {
  NormParameters norm1;
  Layer qkv;
  Layer proj;
  float proj_inverse_scale = 0;  // where proj is int8
  NormParameters norm2;
  Layer fc1;
  Layer fc2;
};

void widen(ChannelRanges& ranges, const float* values, std::size_t rows, std::size_t width) {
  if (ranges.least.empty()) {
    ranges.least.assign(width, values[0]);
    ranges.most.assign(width, values[0]);
  }
  for (std::size_t row = 0; row < rows; ++row, values += width) {
    for (std::size_t i = 0; i < width; ++i) {
      ranges.least[i] = std::min(ranges.least[i], values[i]);
      ranges.most[i] = std::max(ranges.most[i], values[i]);
    }
  }
}

/// Turns weights into layers, one block after the other, and collects the distinct kernels.
class Builder {
 public:
  Builder(const dnnl::engine& engine, const EncoderShape& shape, std::vector<LayerSlot>& slots, Type stream_type)
      : engine_(engine), shape_(shape), slots_(slots), stream_type_(stream_type) {}

  Layer layer(Stage stage, LinearType type, const LinearWeights& weights) {
    return placed(stage, pack(engine_, kind(stage, type, weights), weights, shape_.patches()));
  }

  Layer int8_layer(Stage stage, const LinearWeights& weights, const Coding& input, const UniformCoding* output) {
    LinearKind wanted = kind(stage, LinearType::kInt8, weights);
    if (output != nullptr) wanted.output = Type::u8;
    return placed(stage, pack_int8(engine_, wanted, weights, input, output, shape_.patches()));
  }

  BlockLayers block(const BlockWeights& weights, const BlockTypes& types, const BlockRanges* ranges) {
    BlockLayers made;
    add_attention(made, weights, types, ranges);
    add_mlp(made, weights, types, ranges);
    return made;
  }

 private:
  LinearKind kind(Stage stage, LinearType type, const LinearWeights& weights) const {
    const bool adds = stage == Stage::kPatches || stage == Stage::kProj || stage == Stage::kFc2;
    LinearKind kind{type, weights.inputs, weights.outputs, adds ? Epilogue::kAdd : Epilogue::kNone, Type::f32};
    if (stage == Stage::kFc1) kind.epilogue = Epilogue::kGelu;
    if (!adds) kind.output = stream_type_;
    return kind;
  }

  Layer placed(Stage stage, PackedLinear packed) {
    const LayerSlot slot{stage, packed.kind, packed.weights.get_desc()};
    const auto found = std::find(slots_.begin(), slots_.end(), slot);
    const auto index = std::size_t(found - slots_.begin());
    if (found == slots_.end()) slots_.push_back(slot);
    return {index, std::move(packed)};
  }

  void add_attention(BlockLayers& made, const BlockWeights& weights, const BlockTypes& types,
                     const BlockRanges* ranges) {
    std::optional<LinearWeights> with_coded_values;
    if (types.proj == LinearType::kInt8) {
      const Coding coding = balanced_coding(ranges->attention_output, weights.proj);
      made.proj = int8_layer(Stage::kProj, weights.proj, coding, nullptr);
      made.proj_inverse_scale = 1 / coding.scale;
      with_coded_values = coded_values(weights.qkv, coding);
    } else {
      made.proj = layer(Stage::kProj, types.proj, weights.proj);
    }
    const LinearWeights& qkv = with_coded_values ? *with_coded_values : weights.qkv;
    made.norm1 = weights.norm1;
    if (types.qkv == LinearType::kInt8) {
      const Coding coding = balanced_coding(ranges->attention_input, qkv);
      made.norm1 = coded_norm(weights.norm1, coding);
      made.qkv = int8_layer(Stage::kQkv, qkv, coding, nullptr);
    } else {
      made.qkv = layer(Stage::kQkv, types.qkv, qkv);
    }
  }

  void add_mlp(BlockLayers& made, const BlockWeights& weights, const BlockTypes& types, const BlockRanges* ranges) {
    std::optional<UniformCoding> hidden;
    if (types.fc2 == LinearType::kInt8) {
      hidden = uniform_coding(ranges->mlp_hidden);
      made.fc2 = int8_layer(Stage::kFc2, weights.fc2, hidden->for_channels(weights.fc2.inputs), nullptr);
    } else {
      made.fc2 = layer(Stage::kFc2, types.fc2, weights.fc2);
    }
    made.norm2 = weights.norm2;
    if (types.fc1 == LinearType::kInt8) {
      const Coding coding = balanced_coding(ranges->mlp_input, weights.fc1);
      made.norm2 = coded_norm(weights.norm2, coding);
      made.fc1 = int8_layer(Stage::kFc1, weights.fc1, coding, hidden ? &*hidden : nullptr);
    } else {
      made.fc1 = layer(Stage::kFc1, types.fc1, weights.fc1);
    }
  }

  const dnnl::engine& engine_;
  const EncoderShape& shape_;
  std::vector<LayerSlot>& slots_;
  const Type stream_type_;
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
    Builder builder(engine_, shape_, slots_, stream_type_);
    patch_embed_ = builder.layer(Stage::kPatches, options.wide, weights.patch_embed);
    for (std::size_t i = 0; i < weights.blocks.size(); ++i)
      blocks_.push_back(
          builder.block(weights.blocks[i], options.blocks[i], options.ranges ? &(*options.ranges)[i] : nullptr));
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
    Calibration ranges(blocks_.size());
    for (std::int64_t i = 0; i < batch; ++i) compute(*lease, images + i * image_values(shape_), &ranges);
    return ranges;
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

  void compute(OneDnnSession& session, const float* images, Calibration* ranges) const {
    embed_patches(session, images);
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      attention(session, blocks_[i], ranges ? &(*ranges)[i] : nullptr);
      mlp(session, blocks_[i], ranges ? &(*ranges)[i] : nullptr);
    }
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
      if (stream_type_ == Type::f32)
        cut_into_patches(images, begin, end, reinterpret_cast<float*>(session.wide()));
      else
        cut_into_patches(images, begin, end, reinterpret_cast<Bfloat16Bits*>(session.wide()));
    });
    for (std::int64_t i = 0; i < session.batch(); ++i)
      std::copy(positions_.begin(), positions_.end(), session.residual() + std::size_t(i) * positions_.size());
    session.apply(patch_embed_);
  }

  void attention(OneDnnSession& session, const BlockLayers& block, BlockRanges* ranges) const {
    const std::size_t values = session.rows() * std::size_t(shape_.width);
    norm(session, block.norm1, block.qkv.packed.kind.type);
    if (ranges != nullptr) watch(session.normed(), session, shape_.width, ranges->attention_input);
    session.apply(block.qkv);
    session.attend();
    if (ranges != nullptr) watch(session.normed(), session, shape_.width, ranges->attention_output);
    if (block.proj.packed.kind.type == LinearType::kInt8) {
      share(values, [&](std::size_t begin, std::size_t end) {
        auto* to = reinterpret_cast<std::uint8_t*>(session.coded()) + begin;
        if (stream_type_ == Type::f32)
          quantize(reinterpret_cast<const float*>(session.normed()) + begin, end - begin, block.proj_inverse_scale, to);
        else
          quantize(reinterpret_cast<const Bfloat16Bits*>(session.normed()) + begin, end - begin,
                   block.proj_inverse_scale, to);
      });
    }
    session.apply(block.proj);
  }

  void mlp(OneDnnSession& session, const BlockLayers& block, BlockRanges* ranges) const {
    norm(session, block.norm2, block.fc1.packed.kind.type);
    if (ranges != nullptr) watch(session.normed(), session, shape_.width, ranges->mlp_input);
    session.apply(block.fc1);
    if (ranges != nullptr) {
      const auto values = std::size_t(shape_.mlp_width) * session.rows();
      widen(ranges->mlp_hidden, reinterpret_cast<const float*>(session.wide()), values, 1);
    }
    session.apply(block.fc2);
  }

  static void watch(const std::byte* values, OneDnnSession& session, std::int64_t width, ChannelRanges& ranges) {
    widen(ranges, reinterpret_cast<const float*>(values), session.rows(), std::size_t(width));
  }

  /// The residual stream, normalised, as the next layer wants it.
  void norm(OneDnnSession& session, const NormParameters& parameters, LinearType type) const {
    const auto width = std::size_t(shape_.width);
    const NormWeights weights{parameters.gain.data(), parameters.shift.data(), float(shape_.norm_eps)};
    share(session.rows(), [&](std::size_t begin, std::size_t end) {
      const float* x = session.residual() + begin * width;
      const std::size_t first = begin * width, rows = end - begin;
      switch (type) {
        case LinearType::kF32:
          return layer_norm(x, rows, width, weights, reinterpret_cast<float*>(session.normed()) + first);
        case LinearType::kBf16:
          return layer_norm(x, rows, width, weights, reinterpret_cast<Bfloat16Bits*>(session.normed()) + first);
        case LinearType::kInt8:
          return layer_norm(x, rows, width, weights, reinterpret_cast<std::uint8_t*>(session.normed()) + first);
      }
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

int BlockTypes::int8_layers() const {
  int count = 0;
  for (const LinearType type : {qkv, proj, fc1, fc2}) count += type == LinearType::kInt8;
  return count;
}

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
