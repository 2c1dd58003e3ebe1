// SPDX-License-Identifier: Apache-2.0
#include "bench/search_data.h"

#include "base/file.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

namespace chexworld::bench {
namespace {

constexpr std::size_t kNearest = 10;
constexpr std::size_t kPerCentre = 200;
constexpr float kWidth = 0.6f;

class Clouds {
 public:
  Clouds(std::size_t count, std::size_t dimensions, std::uint64_t seed) : dimensions_(dimensions), random_(seed) {
    for (std::size_t i = 0; i < dimensions; ++i) deviation_.push_back(1 / std::sqrt(1 + float(i)));
    centres_.resize(std::max<std::size_t>(count / kPerCentre, 1) * dimensions);
    for (std::size_t i = 0; i < centres_.size(); ++i) centres_[i] = deviation_[i % dimensions] * normal_(random_);
  }

  void draw(std::vector<float>& into) {
    const std::size_t centre = random_() % (centres_.size() / dimensions_);
    std::vector<float> vector(dimensions_);
    double squares = 0;
    for (std::size_t i = 0; i < dimensions_; ++i) {
      vector[i] = centres_[centre * dimensions_ + i] + kWidth * deviation_[i] * normal_(random_);
      squares += double(vector[i]) * vector[i];
    }
    for (const float value : vector) into.push_back(float(value / std::sqrt(squares)));
  }

 private:
  const std::size_t dimensions_;
  std::mt19937_64 random_;
  std::normal_distribution<float> normal_;
  std::vector<float> deviation_, centres_;
};

float product(std::span<const float> a, std::span<const float> b) {
  float lanes[16] = {};
  for (std::size_t i = 0; i < a.size(); ++i) lanes[i % 16] += a[i] * b[i];
  float sum = 0;
  for (const float lane : lanes) sum += lane;
  return sum;
}

std::vector<std::uint32_t> nearest(const SearchData& data, std::span<const float> query) {
  std::vector<std::pair<float, std::uint32_t>> ranked;
  for (std::uint32_t i = 0; i < data.count(); ++i) ranked.push_back({-product(query, data.row(i)), i});
  const auto middle = ranked.begin() + std::ptrdiff_t(std::min(kNearest, ranked.size()));
  std::partial_sort(ranked.begin(), middle, ranked.end());
  std::vector<std::uint32_t> ids;
  for (auto it = ranked.begin(); it != middle; ++it) ids.push_back(it->second);
  return ids;
}

template <class Value>
void write_values(const std::filesystem::path& path, const std::vector<Value>& values) {
  write_file_atomically(path, [&](FileWriter& writer) { writer.write(std::as_bytes(std::span(values))); });
}

}  // namespace

SearchData make_search_data(std::size_t count, std::size_t query_count, std::size_t dimensions, std::uint64_t seed) {
  SearchData data;
  data.dimensions = dimensions;
  Clouds clouds(count, dimensions, seed);
  for (std::size_t i = 0; i < count; ++i) clouds.draw(data.base);
  for (std::size_t i = 0; i < query_count; ++i) clouds.draw(data.queries);
  for (std::size_t i = 0; i < query_count; ++i) {
    const std::vector<std::uint32_t> ids = nearest(data, data.query(i));
    data.truth.insert(data.truth.end(), ids.begin(), ids.end());
  }
  return data;
}

double recall_at_10(const SearchData& data, std::size_t query, std::span<const std::uint64_t> ids) {
  const auto first = data.truth.begin() + std::ptrdiff_t(query * kNearest);
  const auto found = std::count_if(ids.begin(), ids.end(), [&](std::uint64_t id) {
    return std::find(first, first + kNearest, std::uint32_t(id)) != first + kNearest;
  });
  return double(found) / double(kNearest);
}

void write_search_data(const SearchData& data, const std::filesystem::path& folder) {
  write_values(folder / "base.f32", data.base);
  write_values(folder / "queries.f32", data.queries);
  write_values(folder / "truth.u32", data.truth);
}

}  // namespace chexworld::bench
