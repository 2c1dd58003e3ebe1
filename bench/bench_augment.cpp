// SPDX-License-Identifier: Apache-2.0
//
// What the training loader does for every sample: a 320-pixel film becomes two views and their contexts of 224
// pixels, normalised. The peer carries out the same plans with Pillow and torchvision, which give the same pixels.
#include "base/config.h"
#include "bench/support/peer.h"
#include "bench/support/report.h"
#include "image/adjust.h"
#include "views/dual_view.h"

#include <cmath>
#include <vector>

namespace {

using namespace chexworld;

constexpr int kSide = 320;
constexpr int kSamples = 32;
constexpr int kRounds = 7;

GrayImage made_up_film() {
  GrayImage film{kSide, kSide, {}};
  for (int y = 0; y < kSide; ++y)
    for (int x = 0; x < kSide; ++x)
      film.pixels.push_back(std::uint8_t(128 + 90 * std::sin(x * 0.05) * std::cos(y * 0.07) + (x * y) % 7));
  return film;
}

std::vector<DualViewPlan> plans(const DualViewSettings& settings) {
  std::vector<DualViewPlan> result;
  for (std::uint64_t i = 0; i < kSamples; ++i) {
    StreamRandom random({1, 0, i, RandomPurpose::kViews});
    result.push_back(draw_dual_view(settings, {kSide, kSide}, random));
  }
  return result;
}

Json for_peer(const std::vector<DualViewPlan>& plans, int size) {
  Json samples = Json::array();
  for (const DualViewPlan& plan : plans) {
    Json views = Json::array();
    for (const ViewPlan& view : plan.views) {
      views.push_back({{"flipped", view.flipped},
                       {"crop", {view.crop.top, view.crop.left, view.crop.height, view.crop.width}},
                       {"action", view.action.values()}});
    }
    samples.push_back({{"brightness", plan.jitter.brightness},
                       {"contrast", plan.jitter.contrast},
                       {"contrast_first", plan.jitter.contrast_first},
                       {"views", views}});
  }
  return {{"side", kSide}, {"size", size}, {"samples", samples}};
}

double seconds_per_sample(const GrayImage& film, const std::vector<DualViewPlan>& plans, int size) {
  std::vector<float> network_input(std::size_t(size) * std::size_t(size) * 3);
  const double seconds = bench::seconds([&] {
    for (const DualViewPlan& plan : plans) {
      const DualView views = make_dual_view(film, plan, size, {});
      for (const auto* pictures : {&views.views, &views.contexts})
        for (const GrayImage& picture : *pictures) normalize(picture, {}, network_input);
    }
  });
  return seconds / double(plans.size());
}

}  // namespace

int main(int argc, char** argv) {
  const DualViewSettings settings;
  const GrayImage film = made_up_film();
  const std::vector<DualViewPlan> samples = plans(settings);
  const std::string request = for_peer(samples, settings.size).dump();
  bench::Report report("augment", argc, argv);
  bench::Peer peer("augment_torchvision.py");
  report.add("two views, two contexts",
             bench::in_turn([&] { return seconds_per_sample(film, samples, settings.size); },
                            [&] { return peer.measure(request); }, kRounds),
             "Pillow and torchvision", "s", bench::Better::kLess);
}
