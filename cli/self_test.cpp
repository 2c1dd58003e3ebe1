// SPDX-License-Identifier: Apache-2.0
#include "cli/self_test.h"

#include "base/failure.h"
#include "bundle/bundle.h"

#ifdef CHEXWORLD_HAVE_TORCH
#include <chexworld/model.h>
#endif

namespace chexworld::cli {

#ifdef CHEXWORLD_HAVE_TORCH
namespace {

/// Numbers between -2 and 2, as normalised pixels are, from a linear congruential generator.
std::vector<float> fixed_pixels(std::size_t count) {
  std::vector<float> pixels(count);
  std::uint32_t state = 20260301;
  for (float& pixel : pixels) {
    state = state * 1664525u + 1013904223u;
    pixel = float(state >> 8) / float(1 << 22) - 2.0f;
  }
  return pixels;
}

/// A file that is removed at the end of the scope.
struct ScratchFile {
  std::filesystem::path path;
  ~ScratchFile() {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }
};

std::vector<float> embedding_of(const ImportedModel& model, const std::vector<float>& pixels,
                                const ScratchFile& scratch) {
  BundleConfig config;
  config.encoder = model.encoder;
  config.head = model.head;
  write_bundle(scratch.path, config, model.tensors);
  return Model::load(scratch.path).value().embed(pixels, 1, model.encoder.image_size).value();
}

TensorView keep(ImportedModel& model, std::vector<float> values, std::vector<std::int64_t> shape) {
  model.converted.push_back(std::make_unique<std::vector<float>>(std::move(values)));
  return {DataType::kF32, std::move(shape), std::as_bytes(std::span(*model.converted.back()))};
}

}  // namespace

void add_self_test(ImportedModel& model, const std::filesystem::path& scratch_path) {
  const EncoderShape& shape = model.encoder;
  const std::int64_t side = shape.image_size;
  std::vector<float> pixels = fixed_pixels(std::size_t(shape.channels * side * side));
  const ScratchFile scratch{scratch_path};
  std::vector<float> embedding = embedding_of(model, pixels, scratch);
  model.tensors["selftest.input"] = keep(model, std::move(pixels), {1, shape.channels, side, side});
  model.tensors["selftest.embedding"] = keep(model, std::move(embedding), {1, shape.width});
}

#else

void add_self_test(ImportedModel& model, const std::filesystem::path&) {
  model.notes.push_back("no self-test: this program was built without LibTorch");
}

#endif

}  // namespace chexworld::cli
