// SPDX-License-Identifier: Apache-2.0
#include "path_difference.h"

#include <ATen/ATen.h>
#include <cstdlib>

namespace chexworld::test {

void PathDifference::add(const GrayImage& exact, const at::Tensor& gray) {
  const at::Tensor values = gray.to(at::kCPU, at::kInt).contiguous();
  const int* found = values.const_data_ptr<int>();
  for (std::size_t i = 0; i < exact.pixels.size(); ++i)
    ++pixels_by_difference.at(std::size_t(std::abs(found[i] - int(exact.pixels[i]))));
}

std::int64_t PathDifference::pixels() const {
  std::int64_t count = 0;
  for (const std::int64_t n : pixels_by_difference) count += n;
  return count;
}

double PathDifference::mean() const {
  double sum = 0;
  for (std::size_t d = 0; d < pixels_by_difference.size(); ++d) sum += double(d) * double(pixels_by_difference[d]);
  return sum / double(pixels());
}

int PathDifference::largest() const {
  int largest = 0;
  for (int d = 0; d < 256; ++d)
    if (pixels_by_difference[std::size_t(d)] > 0) largest = d;
  return largest;
}

double PathDifference::share_above(int difference) const {
  std::int64_t count = 0;
  for (std::size_t d = std::size_t(difference) + 1; d < 256; ++d) count += pixels_by_difference[d];
  return double(count) / double(pixels());
}

PathDifference difference_of_paths(const std::vector<GrayImage>& films, const DualViewSettings& settings,
                                   std::uint64_t seed, at::Device device) {
  std::vector<DualViewPlan> plans;
  std::vector<RandomStream> streams;
  for (std::size_t i = 0; i < films.size(); ++i) {
    streams.push_back({seed, 0, i, RandomPurpose::kViews});
    StreamRandom random(streams.back());
    plans.push_back(draw_dual_view(settings, {films[i].height, films[i].width}, random));
  }
  const GrayDualViews batch = make_dual_views(stack_films(films, device), plans, settings.size, streams);
  PathDifference difference;
  for (std::size_t i = 0; i < films.size(); ++i) {
    const DualView exact = make_dual_view(films[i], plans[i], settings.size, streams[i]);
    for (std::size_t v = 0; v < 2; ++v) {
      difference.add(exact.views[v], batch.views[v][std::int64_t(i)]);
      difference.add(exact.contexts[v], batch.contexts[v][std::int64_t(i)]);
    }
  }
  return difference;
}

}  // namespace chexworld::test
