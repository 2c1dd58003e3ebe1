// SPDX-License-Identifier: Apache-2.0
//
// embed_films FILMS OUT [BUNDLE]: embeds every picture of a folder (PNG, JPEG) and writes f32[N, D], what bench_search
// fits its made-up vectors to. Without a bundle, the encoder is a freshly initialised ViT-B/16.
#include "base/file.h"
#include "image/png.h"
#include "image/prepare.h"
#include "tests/unit/infer/random_bundle.h"

#include <chexworld/engine.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <span>
#include <vector>

namespace {

using namespace chexworld;
namespace fs = std::filesystem;

constexpr std::size_t kBatch = 8;

std::vector<fs::path> pictures_in(const fs::path& folder) {
  std::vector<fs::path> found;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    const std::string suffix = entry.path().extension();
    if (suffix == ".png" || suffix == ".jpg" || suffix == ".jpeg") found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<float> embedded(const Engine& engine, std::span<const fs::path> pictures) {
  PreparationRecipe recipe;
  recipe.size.crop = int(engine.facts().image_size);
  std::vector<float> all;
  for (std::size_t at = 0; at < pictures.size(); at += kBatch) {
    const auto some = pictures.subspan(at, std::min(kBatch, pictures.size() - at));
    std::vector<float> images;
    for (const fs::path& picture : some) {
      const std::vector<float> image = prepare(read_picture(picture), recipe);
      images.insert(images.end(), image.begin(), image.end());
    }
    const EmbeddingBatch batch = engine.run(images, std::int64_t(some.size())).value();
    all.insert(all.end(), batch.embedding.begin(), batch.embedding.end());
  }
  return all;
}

void embed(const fs::path& folder, const fs::path& target, fs::path bundle) {
  const bool fresh = bundle.empty();
  if (fresh) {
    bundle = target.string() + ".safetensors";
    test::RandomBundle(test::vit_base_shape(), {}, 1).write(bundle);
  }
  const Engine engine = Engine::load(bundle, {.precision = Precision::kF32}).value();
  if (fresh) fs::remove(bundle);
  const std::vector<fs::path> pictures = pictures_in(folder);
  const std::vector<float> vectors = embedded(engine, pictures);
  write_file_atomically(target, [&](FileWriter& writer) { writer.write(std::as_bytes(std::span(vectors))); });
  std::printf("%zu pictures, %lld dimensions\n", pictures.size(), static_cast<long long>(engine.facts().width));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || argc > 4) return std::fprintf(stderr, "usage: embed_films FILMS OUT [BUNDLE]\n"), 2;
  try {
    embed(argv[1], argv[2], argc == 4 ? argv[3] : "");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "embed_films: %s\n", error.what());
    return 1;
  }
}
