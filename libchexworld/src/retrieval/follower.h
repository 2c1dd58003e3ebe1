// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "index/index_set.h"
#include "store/store.h"

#include <cstdint>

namespace chexworld {

struct FollowerOptions {
  IndexOptions index = {};   ///< `dimensions` and `findings` are the model's
  std::uint32_t page = 500;  ///< changes read at once
  unsigned threads = 2;      ///< that insert
};

/// Brings the index of one model up to what the store holds. Not thread safe.
class IndexFollower {
 public:
  IndexFollower(Store& store, IndexSet& indexes, const FollowerOptions& options)
      : store_(store), indexes_(indexes), options_(options) {}

  /// Makes the index when it is missing, damaged or of another size. Returns the number of changes applied.
  std::uint64_t follow(const ModelRecord& model);

  /// Inserts everything again and erases what the store does not hold; the index answers meanwhile.
  std::uint64_t fill_again(const ModelRecord& model);

 private:
  std::shared_ptr<VectorIndex> index_of(const ModelRecord& model);
  void apply(VectorIndex& index, const std::vector<Change>& changes) const;

  Store& store_;
  IndexSet& indexes_;
  const FollowerOptions options_;
};

}  // namespace chexworld
