// SPDX-License-Identifier: Apache-2.0
//
// Regions compared by their patch tokens. Pure functions.
#pragma once

#include "retrieval/search_request.h"
#include "store/records.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace chexworld {

/// A rectangle of patches: [row, row + rows) x [column, column + columns).
struct PatchWindow {
  std::uint32_t row = 0, column = 0, rows = 0, columns = 0;
};

/// The patches whose middle lies in the region, at least one; throws Failure(kInvalidArgument) for a region that is
/// none.
PatchWindow window_of(const ImageRegion& region, const PatchTokens& patches);
ImageRegion region_of(const PatchWindow& window, const PatchTokens& patches);

/// f32[rows * columns, D], each token of length 1 (a token of zeros stays).
std::vector<float> unit_tokens(const PatchTokens& patches, const PatchWindow& window);

/// The mean of the window's tokens, f32[D]; comparable with embeddings, which are means of all tokens.
std::vector<float> mean_token(const PatchTokens& patches, const PatchWindow& window);

struct RegionMatch {
  PatchWindow window;
  float score = -1;  ///< -1 to 1
};

/// The window of the wanted one's size (smaller where the grid is) in which the wanted tokens find their likes: score =
/// mean over the wanted tokens of the largest cosine with any token of the window. The first of equals.
RegionMatch best_window(const std::vector<float>& wanted, const PatchWindow& size, const PatchTokens& patches);

}  // namespace chexworld
