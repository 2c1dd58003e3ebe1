// SPDX-License-Identifier: Apache-2.0
#include "trainer/finetune/film_batches.h"

#include "base/failure.h"

#include <algorithm>

namespace chexworld {
namespace {

/// In the middle of a black square.
GrayImage squared(const GrayImage& picture) {
  const int side = std::max(picture.width, picture.height);
  GrayImage square{side, side, std::vector<std::uint8_t>(std::size_t(side) * std::size_t(side))};
  const int top = (side - picture.height) / 2, left = (side - picture.width) / 2;
  for (int y = 0; y < picture.height; ++y)
    std::copy_n(&picture.pixels[std::size_t(y) * std::size_t(picture.width)], picture.width, &square.at(top + y, left));
  return square;
}

}  // namespace

FilmBatches::FilmBatches(const Archive& archive, std::vector<std::int64_t> films, const FilmBatchSettings& settings)
    : archive_(archive), films_(std::move(films)), settings_(settings) {
  require_possible(settings.views);
  const auto count = std::int64_t(films_.size());
  if (count == 0 || settings.batch_size < 1 || settings.workers < 0)
    fail(ErrorCode::kInvalidArgument, "fine-tuning: no films to train on, or an impossible batch size");
  batch_size_ = std::min(settings.batch_size, count);
  per_epoch_ = count / batch_size_;
}

AugmentedBatch FilmBatches::make(std::int64_t number) const {
  const auto epoch = std::uint32_t(number / per_epoch_);
  StreamRandom shuffling({settings_.seed, epoch, 0, RandomPurpose::kSampleOrder});
  const std::vector<std::int64_t> order = random_permutation(shuffling, std::int64_t(films_.size()));
  const std::int64_t first = number % per_epoch_ * batch_size_;
  AugmentedBatch batch;
  for (std::int64_t i = first; i < first + batch_size_; ++i) {
    const auto row = std::size_t(order[std::size_t(i)]);
    const std::int64_t film = films_[row];
    StreamRandom random({settings_.seed, epoch, std::uint64_t(film), RandomPurpose::kViews});
    const GrayImage whole = archive_.film(film);
    const int side = std::max(whole.height, whole.width);
    const PixelSize size = settings_.squared ? PixelSize{side, side} : PixelSize{whole.height, whole.width};
    const SingleViewPlan plan = draw_single_view(settings_.views, size, random);
    const auto cut = [&](const GrayImage& picture) {
      return cut_view(settings_.squared ? squared(picture) : picture, plan.view, settings_.views.size);
    };
    batch.rows.push_back(row);
    batch.pictures.push_back(cut(apply_jitter(whole, plan.jitter)));
    if (settings_.companion) batch.companions.push_back(cut(settings_.companion(film)));
    batch.plans.push_back(plan);
  }
  return batch;
}

AugmentedBatch FilmBatches::next() {
  const auto begin = [this] {
    ahead_.push_back(std::async(std::launch::async, [this, number = number_++] { return make(number); }));
  };
  if (settings_.workers == 0) return make(number_++);
  while (std::int64_t(ahead_.size()) < settings_.workers) begin();
  AugmentedBatch batch = ahead_.front().get();
  ahead_.pop_front();
  begin();
  return batch;
}

}  // namespace chexworld
