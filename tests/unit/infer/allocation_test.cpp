// SPDX-License-Identifier: Apache-2.0
//
// Counts what is taken from the heap while a warm engine runs.
#include "random_bundle.h"
#include "support/temporary_folder.h"

#include <chexworld/engine.h>

#include <atomic>
#include <cstdlib>
#include <gtest/gtest.h>
#include <new>

namespace {

std::atomic<bool> counting{false};
std::atomic<std::size_t> allocations{0}, largest{0}, bytes{0};

void* counted(std::size_t size, std::size_t alignment) {
  if (counting) {
    ++allocations;
    bytes += size;
    std::size_t before = largest;
    while (size > before && !largest.compare_exchange_weak(before, size)) {
    }
  }
  void* memory = alignment > 0 ? std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment)
                               : std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) { return counted(size, 0); }
void* operator new(std::size_t size, std::align_val_t alignment) { return counted(size, std::size_t(alignment)); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace chexworld::test {
namespace {

struct Counted {
  std::size_t allocations, largest, bytes;
};

Counted count_run(const Engine& engine, const std::vector<float>& images, std::int64_t batch, std::vector<float>& out) {
  allocations = largest = bytes = 0;
  counting = true;
  const bool ok = engine.run(images, batch, {.embedding = out}).ok();
  counting = false;
  EXPECT_TRUE(ok);
  return {allocations, largest, bytes};
}

TEST(Allocation, AWarmEngineTakesOnlyOneDnnsArgumentLists) {
  TemporaryFolder folder;
  const EncoderShape shape = small_shape();
  RandomBundle(shape, {}, 1).write(folder / "model.safetensors");
  const Engine engine =
      Engine::load(folder / "model.safetensors", {.precision = Precision::kF32, .threads = 2}).value();
  for (const std::int64_t batch : {1, 5}) {
    const auto images = random_images(shape, batch, 2);
    std::vector<float> out(std::size_t(batch * shape.width));
    count_run(engine, images, batch, out);
    const Counted first = count_run(engine, images, batch, out), second = count_run(engine, images, batch, out);
    std::printf("batch %ld: %zu small allocations, %zu bytes, largest %zu\n", long(batch), first.allocations,
                first.bytes, first.largest);
    EXPECT_EQ(first.allocations, second.allocations);
    // oneDNN copies each kernel's argument list (a handful of pointers) into a map of its own; we take nothing, so
    // no piece is as large as even the smallest activation.
    EXPECT_LT(first.largest, 512U);
    const auto kernels = std::size_t(1 + shape.depth * (4 + 2 * batch));
    EXPECT_LE(first.allocations, kernels * 16);
  }
}

}  // namespace
}  // namespace chexworld::test
