// SPDX-License-Identifier: Apache-2.0
//
// The two-view transform for a whole batch on any device: the same plans as views/dual_view.h, carried out by
// a few large tensor operations. Grey levels stay whole numbers after every step, as in 8 bits, so that only
// rounding at a half grey level can differ (docs/augmentation.md has the measured difference).
//
// Thread safety: pure functions; tensors follow LibTorch's rules. Failure(kInvalidArgument) for batches that
// do not fit together.
#pragma once

#include "image/adjust.h"
#include "views/dual_view.h"

#include <array>
#include <ATen/core/Tensor.h>
#include <span>
#include <vector>

namespace chexworld {

/// Films of differing sizes, side by side on one device.
struct FilmBatch {
  at::Tensor pixels;             ///< u8[B, H, W]: every film at the top left, zero beyond it
  std::vector<PixelSize> sizes;  ///< of the films, B of them
};

FilmBatch stack_films(std::span<const GrayImage> films, at::Device device);

/// [B, S, S] each, grey levels 0..255 in whole numbers; f32 from the tensor path, u8 from the 8-bit path.
struct GrayDualViews {
  std::array<at::Tensor, 2> views;
  std::array<at::Tensor, 2> contexts;
};

/// Carries out one plan per film. `streams` (seed, pass, sample of each film) give the noise, where there is any:
/// the same as on the 8-bit path.
GrayDualViews make_dual_views(const FilmBatch& films, std::span<const DualViewPlan> plans, int size,
                              std::span<const RandomStream> streams);

/// View 1 of every plan alone, without actions: f32[B, S, S], grey levels in whole numbers.
at::Tensor make_first_views(const FilmBatch& films, std::span<const DualViewPlan> plans, int size);

/// The action of every picture of f32[B, S, S] (grey levels), one Action each.
at::Tensor apply_actions(const at::Tensor& views, std::span<const Action> actions, std::span<const RandomStream> noise);

/// f32[B, 3, S, S] from grey levels f32 or u8 [B, S, S].
at::Tensor normalized(const at::Tensor& gray, const Normalization& normalization);

/// f32[B, size, extent]: matrices that take the part `starts`..`starts + lengths` (f32[B], pixels) of `extent` pixels
/// to `size` pixels with the filter of image/resample.h, in reverse order where `mirrored` (bool[B]).
at::Tensor resample_matrices(const at::Tensor& starts, const at::Tensor& lengths, const at::Tensor& mirrored, int size,
                             std::int64_t extent);

}  // namespace chexworld
