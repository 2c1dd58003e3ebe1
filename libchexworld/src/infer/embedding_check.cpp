// SPDX-License-Identifier: Apache-2.0
#include "infer/embedding_check.h"

#include <algorithm>
#include <cmath>

namespace chexworld {
namespace {

double cosine(std::span<const float> a, std::span<const float> b) {
  double product = 0, squares_a = 0, squares_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    product += double(a[i]) * double(b[i]);
    squares_a += double(a[i]) * double(a[i]);
    squares_b += double(b[i]) * double(b[i]);
  }
  return product / std::sqrt(squares_a * squares_b);  // NaN where one of them is zero or not finite
}

}  // namespace

double least_cosine(std::span<const float> a, std::span<const float> b, std::int64_t width) {
  const auto step = static_cast<std::size_t>(width);
  double least = 1;
  for (std::size_t i = 0; i + step <= a.size(); i += step) {
    const double value = cosine(a.subspan(i, step), b.subspan(i, step));
    if (!(value >= least)) least = std::isnan(value) ? -1 : value;
  }
  return least;
}

double relative_difference(std::span<const float> values, std::span<const float> expected) {
  double difference = 0, largest = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double here = std::abs(double(values[i]) - double(expected[i]));
    if (!(here <= difference)) difference = here;  // NaN stays
    largest = std::max(largest, std::abs(double(expected[i])));
  }
  return largest > 0 ? difference / largest : difference;
}

std::vector<float> embed_singly(const Backend& backend, const EncoderShape& shape, std::span<const float> images) {
  const auto count = std::int64_t(images.size()) / image_values(shape);
  std::vector<float> embedding(std::size_t(count * shape.width));
  for (std::int64_t i = 0; i < count; ++i)
    backend.encode(images.data() + i * image_values(shape), 1, nullptr, embedding.data() + i * shape.width);
  return embedding;
}

}  // namespace chexworld
