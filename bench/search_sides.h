// SPDX-License-Identifier: Apache-2.0
//
// What bench_search compares: our index and hnswlib, opened from the folder of the data.
#pragma once

#include "bench/search_data.h"
#include "index/index.h"

#include <memory>
#include <vector>

namespace chexworld::bench {

/// Our index. Institution 1 is one row in a hundred.
class Ours {
 public:
  static constexpr std::size_t kFilterStep = 100;
  static constexpr const char* kFile = "index";  ///< in SearchData::folder()

  /// Builds it, or goes on where an interrupted building ended.
  static void build(const SearchData& data, unsigned threads);
  explicit Ours(const SearchData& data);

  SearchAnswer search(std::size_t query, std::size_t width, SearchMethod method, const SearchFilter& filter = {}) const;
  double recall(std::size_t queries, std::size_t width, SearchMethod method) const;
  double filtered_recall(std::size_t queries) const;
  double compared_per_query(std::size_t width, SearchMethod method) const;
  /// Seconds of each of the first `queries` queries.
  std::vector<double> seconds(std::size_t queries, std::size_t width, SearchMethod method,
                              const SearchFilter& filter = {}) const;
  double seconds_per_query(std::size_t queries, std::size_t width, SearchMethod method,
                           const SearchFilter& filter = {}) const;
  static SearchFilter one_percent();

  double open_seconds() const { return open_seconds_; }
  double row_bytes() const { return double(index_->memory().total_bytes()) / double(data_.count()); }

 private:
  const SearchData& data_;
  double open_seconds_ = 0;
  std::unique_ptr<VectorIndex> index_;
};

/// hnswlib in single precision, M = 16, ef_construction = 200.
class Hnswlib {
 public:
  static constexpr const char* kFile = "hnswlib.index";

  static void build(const SearchData& data, unsigned threads);
  explicit Hnswlib(const SearchData& data);
  ~Hnswlib();
  double recall(std::size_t width);
  double seconds_per_query(std::size_t queries, std::size_t width);

 private:
  struct Parts;
  const SearchData& data_;
  std::unique_ptr<Parts> parts_;
};

/// Memory of this process that is in use, bytes.
double resident_bytes();

}  // namespace chexworld::bench
