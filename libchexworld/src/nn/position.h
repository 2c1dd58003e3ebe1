// SPDX-License-Identifier: Apache-2.0
//
// Two-dimensional sine-cosine position encodings, in float32 (reference quirks 1 to 4).
#pragma once

#include <ATen/ATen.h>
#include <cstdint>

namespace chexworld {

/// f32[N, dim], N = grid*grid: first half of the channels encodes the column, second half the row; within a half
/// all sines, then all cosines, frequencies 10000^(-i/(dim/4)). `dim` is a multiple of 4.
at::Tensor absolute_position_table(std::int64_t dim, std::int64_t grid);

/// Where patches of a target view lie in the context view's frame: f32[R,K,dim], first half row, second half column
/// (so at zero it is the absolute table with its halves swapped).
///   relative   f32[R,4]: (di, dj, flip, fdj) in units of the crop size. Row r + di*G; column c + dj*G, or, if flip,
///              -(c + 0.5) + fdj*G - 0.5.
///   positions  i64[R,K]: patch numbers r*G + c
at::Tensor relative_position_encoding(const at::Tensor& relative, const at::Tensor& positions, std::int64_t dim,
                                      std::int64_t grid);

/// relative_position_encoding of every patch: f32[R,N,dim].
at::Tensor relative_position_table(const at::Tensor& relative, std::int64_t dim, std::int64_t grid);

/// With scales: relative f32[R,6] = (di, dj, dh, dw, flip, fdj) -> f32[R,N,8*(dim/4)]. Row dh*(r+0.5) + di*G - 0.5,
/// column likewise with dw; appended: sines and cosines of 10 ln(dh) and of 10 ln(dw) times the frequencies.
at::Tensor scaled_relative_position_table(const at::Tensor& relative, std::int64_t dim, std::int64_t grid);

/// Resizes f32[1,N,D] to f32[1,new_grid*new_grid,D] bicubically (a = -0.75, half-pixel centres, no antialiasing).
/// N must be a square number.
at::Tensor resize_position_table(const at::Tensor& table, std::int64_t new_grid);

/// Resizes a patch kernel f32[D,C,p,p] to f32[D,C,q,q] in the same way; values are not rescaled.
at::Tensor resize_patch_kernel(const at::Tensor& kernel, std::int64_t new_patch);

/// The side of a square grid of `count` patches; throws Failure naming `what` where it is not square.
std::int64_t grid_side(std::int64_t count, const char* what);

}  // namespace chexworld
