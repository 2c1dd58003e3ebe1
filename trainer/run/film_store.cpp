// SPDX-License-Identifier: Apache-2.0
#include "trainer/run/film_store.h"

#include "base/failure.h"
#include "worldmodel/to_device.h"

#include <algorithm>
#include <ATen/ATen.h>
#ifdef CHEXWORLD_HAVE_CUDA
#include <c10/cuda/CUDAGuard.h>
#include <cuda_runtime_api.h>
#endif

namespace chexworld {
namespace {

constexpr std::int64_t kStagingBytes = 64 << 20;  // copied to the device at once

std::int64_t pixels_of(PixelSize size) { return std::int64_t(size.height) * size.width; }

/// i64[B,1,1] on `device`.
at::Tensor column(const std::vector<std::int64_t>& values, at::Device device) {
  return to_device(at::tensor(values, at::kLong), device).view({-1, 1, 1});
}

}  // namespace

std::int64_t FilmStore::bytes_needed(const Archive& archive, const std::vector<std::int64_t>& films) {
  std::int64_t bytes = 0;
  for (const std::int64_t film : films) bytes += pixels_of(archive.film_size(film));
  return bytes;
}

FilmStore::FilmStore(const Archive& archive, const std::vector<std::int64_t>& films, at::Device device)
    : pixels_(at::empty({bytes_needed(archive, films)}, at::TensorOptions(at::kByte).device(device))) {
  std::vector<std::uint8_t> staging;
  std::int64_t written = 0;
  const auto flush = [&] {
    const auto count = std::int64_t(staging.size());
    pixels_.narrow(0, written, count).copy_(at::from_blob(staging.data(), {count}, at::kByte));
    written += count;
    staging.clear();
  };
  for (const std::int64_t film : films) {
    const GrayImage image = archive.film(film);
    places_[film] = {written + std::int64_t(staging.size()), {image.height, image.width}};
    staging.insert(staging.end(), image.pixels.begin(), image.pixels.end());
    if (std::int64_t(staging.size()) >= kStagingBytes) flush();
  }
  flush();
}

FilmBatch FilmStore::batch(const std::vector<std::int64_t>& films) const {
  FilmBatch batch;
  std::vector<std::int64_t> offsets, heights, widths;
  for (const std::int64_t film : films) {
    const auto found = places_.find(film);
    if (found == places_.end()) fail(ErrorCode::kInternal, "a film was asked for that is not on the device");
    const auto& [offset, size] = found->second;
    offsets.push_back(offset);
    heights.push_back(size.height);
    widths.push_back(size.width);
    batch.sizes.push_back(size);
  }
  const at::Device device = pixels_.device();
  const at::TensorOptions numbers = at::TensorOptions(at::kLong).device(device);
  const at::Tensor row = at::arange(*std::max_element(heights.begin(), heights.end()), numbers).view({1, -1, 1});
  const at::Tensor col = at::arange(*std::max_element(widths.begin(), widths.end()), numbers).view({1, 1, -1});
  const at::Tensor width = column(widths, device);
  const at::Tensor inside = (row < column(heights, device)).logical_and(col < width);
  const at::Tensor index = (column(offsets, device) + row * width + col).mul_(inside);
  batch.pixels = pixels_.take(index).mul_(inside);
  return batch;
}

std::optional<std::int64_t> free_device_bytes(at::Device device) {
#ifdef CHEXWORLD_HAVE_CUDA
  if (device.is_cuda()) {
    const c10::cuda::CUDAGuard guard(device);
    std::size_t free = 0, total = 0;
    if (cudaMemGetInfo(&free, &total) == cudaSuccess) return std::int64_t(free);
  }
#endif
  (void)device;
  return {};
}

bool films_belong_on_device(const std::string& choice, std::int64_t bytes, at::Device device) {
  if (choice != "auto") return choice == "yes";
  const std::optional<std::int64_t> free = free_device_bytes(device);
  return device.is_cuda() && free && bytes <= *free / 2;
}

}  // namespace chexworld
