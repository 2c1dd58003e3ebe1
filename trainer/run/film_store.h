// SPDX-License-Identifier: Apache-2.0
//
// The films of a run in the memory of one device, so that cutting views needs nothing from the host but plans.
#pragma once

#include "trainer/archive/archive.h"
#include "worldmodel/tensor_augment.h"

#include <optional>
#include <string>
#include <unordered_map>

namespace chexworld {

/// Immutable, so safe from any thread.
class FilmStore {
 public:
  /// Copies `films` of the archive, 8 bits a pixel.
  FilmStore(const Archive& archive, const std::vector<std::int64_t>& films, at::Device device);

  /// The films with these numbers in the archive, side by side.
  FilmBatch batch(const std::vector<std::int64_t>& films) const;

  static std::int64_t bytes_needed(const Archive& archive, const std::vector<std::int64_t>& films);

 private:
  struct Place {
    std::int64_t offset = 0;  ///< of its first pixel
    PixelSize size;
  };

  at::Tensor pixels_;  // u8[all pixels]
  std::unordered_map<std::int64_t, Place> places_;
};

/// Bytes that are free on a CUDA device; nothing where that cannot be found out (builds without CUDA, other devices).
std::optional<std::int64_t> free_device_bytes(at::Device device);

/// Whether a run keeps its films on the device: `choice` is "yes", "no" or "auto", which means on CUDA where they take
/// at most half of what is free there.
bool films_belong_on_device(const std::string& choice, std::int64_t bytes, at::Device device);

}  // namespace chexworld
