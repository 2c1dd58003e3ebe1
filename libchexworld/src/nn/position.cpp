// SPDX-License-Identifier: Apache-2.0
#include "nn/position.h"

#include "base/failure.h"

#include <cmath>
#include <string>

namespace chexworld {
namespace {

at::Tensor frequencies(std::int64_t dim, const at::TensorOptions& options) {
  if (dim <= 0 || dim % 4 != 0)
    fail(ErrorCode::kInvalidArgument, "position encodings need a width divisible by 4, not " + std::to_string(dim));
  const std::int64_t count = dim / 4;
  return at::pow(10000.0, at::arange(count, options) / double(count)).reciprocal();
}

/// f32[...] -> f32[..., 2*count]: all sines, then all cosines.
at::Tensor waves(const at::Tensor& coordinate, const at::Tensor& frequency) {
  const at::Tensor angle = coordinate.unsqueeze(-1) * frequency;
  return at::cat({angle.sin(), angle.cos()}, -1);
}

struct Cells {
  at::Tensor row, column;  // f32, same shape as the patch numbers
};

Cells cells_of(const at::Tensor& positions, std::int64_t grid) {
  return {at::div(positions, grid, "floor").to(at::kFloat), at::remainder(positions, grid).to(at::kFloat)};
}

at::Tensor all_positions(const at::Tensor& relative, std::int64_t grid) {
  return at::arange(grid * grid, relative.options().dtype(at::kLong)).expand({relative.size(0), -1});
}

/// f32[R,1], to go with one value per patch.
at::Tensor entry(const at::Tensor& relative, std::int64_t index) { return relative.select(1, index).unsqueeze(1); }

void require_entries(const at::Tensor& relative, std::int64_t count) {
  if (relative.dim() != 2 || relative.size(1) != count)
    fail(ErrorCode::kInvalidArgument, "relative positions must be rows of " + std::to_string(count) + " numbers");
}

at::Tensor bicubic(const at::Tensor& picture, std::int64_t side) {
  return at::upsample_bicubic2d(picture, {side, side}, false, std::nullopt, std::nullopt);
}

}  // namespace

at::Tensor absolute_position_table(std::int64_t dim, std::int64_t grid) {
  const Cells cells = cells_of(at::arange(grid * grid, at::kLong), grid);
  const at::Tensor frequency = frequencies(dim, at::kFloat);
  return at::cat({waves(cells.column, frequency), waves(cells.row, frequency)}, -1);
}

at::Tensor relative_position_encoding(const at::Tensor& relative, const at::Tensor& positions, std::int64_t dim,
                                      std::int64_t grid) {
  require_entries(relative, 4);
  const at::Tensor offset = relative.to(at::kFloat);
  const Cells cells = cells_of(positions, grid);
  const double side = double(grid);
  const at::Tensor row = cells.row + entry(offset, 0) * side;
  const at::Tensor plain = cells.column + entry(offset, 1) * side;
  const at::Tensor mirrored = -(cells.column + 0.5) + entry(offset, 3) * side - 0.5;
  const at::Tensor column = at::where(entry(offset, 2) > 0.5, mirrored, plain);
  const at::Tensor frequency = frequencies(dim, offset.options());
  return at::cat({waves(row, frequency), waves(column, frequency)}, -1);
}

at::Tensor relative_position_table(const at::Tensor& relative, std::int64_t dim, std::int64_t grid) {
  require_entries(relative, 4);
  return relative_position_encoding(relative, all_positions(relative, grid), dim, grid);
}

at::Tensor scaled_relative_position_table(const at::Tensor& relative, std::int64_t dim, std::int64_t grid) {
  require_entries(relative, 6);
  const at::Tensor offset = relative.to(at::kFloat);
  const Cells cells = cells_of(all_positions(relative, grid), grid);
  const double side = double(grid);
  const at::Tensor height = entry(offset, 2), width = entry(offset, 3);
  const at::Tensor row = height * (cells.row + 0.5) + entry(offset, 0) * side - 0.5;
  const at::Tensor scaled = width * (cells.column + 0.5);
  const at::Tensor column = at::where(entry(offset, 4) > 0.5, -scaled + entry(offset, 5) * side - 0.5,
                                      scaled + entry(offset, 1) * side - 0.5);
  const at::Tensor frequency = frequencies(dim, offset.options());
  const at::Tensor sizes = at::cat({waves(10 * height.log(), frequency), waves(10 * width.log(), frequency)}, -1);
  return at::cat({waves(row, frequency), waves(column, frequency), sizes.expand({-1, grid * grid, -1})}, -1);
}

std::int64_t grid_side(std::int64_t count, const char* what) {
  const auto side = std::int64_t(std::llround(std::sqrt(double(count))));
  if (count <= 0 || side * side != count)
    fail(ErrorCode::kInvalidArgument, std::string(what) + ": " + std::to_string(count) + " patches are not a square");
  return side;
}

at::Tensor resize_position_table(const at::Tensor& table, std::int64_t new_grid) {
  const std::int64_t grid = grid_side(table.size(1), "position table");
  if (grid == new_grid) return table;
  const at::Tensor picture = table.to(at::kFloat).unflatten(1, at::IntArrayRef({grid, grid})).permute({0, 3, 1, 2});
  return bicubic(picture, new_grid).flatten(2).transpose(1, 2).contiguous();
}

at::Tensor resize_patch_kernel(const at::Tensor& kernel, std::int64_t new_patch) {
  return kernel.size(2) == new_patch && kernel.size(3) == new_patch ? kernel
                                                                    : bicubic(kernel.to(at::kFloat), new_patch);
}

}  // namespace chexworld
