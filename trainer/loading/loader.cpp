// SPDX-License-Identifier: Apache-2.0
#include "trainer/loading/loader.h"

#include "base/failure.h"

#include <chrono>

namespace chexworld {

SampleOrder::SampleOrder(const LoaderSettings& settings, std::int64_t films) : settings_(settings), films_(films) {
  const std::int64_t per_update = settings.batch_size * settings.accumulate * settings.ranks;
  if (per_update < 1 || settings.rank < 0 || settings.rank >= settings.ranks)
    fail(ErrorCode::kInvalidArgument, "loading: batch size, accumulation and ranks must be positive");
  updates_per_pass_ = films / per_update;
  if (updates_per_pass_ == 0)
    fail(ErrorCode::kInvalidArgument, "one update takes " + std::to_string(per_update) + " films, but only " +
                                          std::to_string(films) + " are there: lower --batch-size or --accum-steps");
}

SampleOrder::Place SampleOrder::place(std::int64_t iteration) const {
  const std::int64_t per_pass = updates_per_pass_ * settings_.accumulate;
  const std::int64_t in_pass = iteration % per_pass;
  const std::int64_t update = in_pass / settings_.accumulate, part = in_pass % settings_.accumulate;
  return {std::uint32_t(iteration / per_pass),
          (update * settings_.ranks + settings_.rank) * settings_.accumulate + part};
}

std::vector<std::int64_t> SampleOrder::order_of(std::uint32_t pass) const {
  StreamRandom random({settings_.seed, pass, 0, RandomPurpose::kSampleOrder});
  return random_permutation(random, films_);
}

std::vector<std::int64_t> SampleOrder::films_of(std::int64_t batch, const std::vector<std::int64_t>& order) const {
  const auto begin = order.begin() + std::ptrdiff_t(batch * settings_.batch_size);
  return {begin, begin + std::ptrdiff_t(settings_.batch_size)};
}

Loader::Loader(const Archive& archive, std::vector<std::int64_t> films, const LoaderSettings& settings,
               std::int64_t iteration)
    : archive_(archive),
      films_(std::move(films)),
      settings_(settings),
      sampler_(settings.masks),
      order_(settings, std::int64_t(films_.size())),
      iteration_(iteration) {
  require_possible(settings.views);
  if (settings.workers < 0) fail(ErrorCode::kInvalidArgument, "loading: workers must not be negative");
}

Loader::Order Loader::order_of_pass(std::uint32_t pass) const {
  const std::lock_guard lock(mutex_);
  Order& order = orders_[pass];
  if (!order) order = std::make_shared<const std::vector<std::int64_t>>(order_.order_of(pass));
  const Order wanted = order;
  while (orders_.size() > 2) orders_.erase(orders_.begin());  // workers straddle at most two passes
  return wanted;
}

RandomStream Loader::stream_of(std::int64_t film, std::uint32_t pass) const {
  return {settings_.seed, pass, std::uint64_t(film), RandomPurpose::kViews};
}

void Loader::add_sample(LoadedBatch& batch, std::int64_t film, std::uint32_t pass) const {
  const RandomStream stream = stream_of(film, pass);
  StreamRandom random(stream);
  const PixelSize size = archive_.film_size(film);
  if (!settings_.single_view) {
    batch.plans.push_back(draw_dual_view(settings_.views, size, random));
    if (settings_.plans_only) return;
    batch.views.push_back(make_dual_view(archive_.film(film), batch.plans.back(), settings_.views.size, stream));
    return;
  }
  const SingleViewPlan plan = draw_single_view(settings_.views, size, random);
  batch.plans.push_back({size.width, plan.jitter, {plan.view}});
  if (settings_.plans_only) return;
  batch.views.emplace_back().views[0] =
      cut_view(apply_jitter(archive_.film(film), plan.jitter), plan.view, settings_.views.size);
}

LoadedBatch Loader::make(std::int64_t iteration) const {
  const SampleOrder::Place place = order_.place(iteration);
  LoadedBatch batch;
  for (const std::int64_t position : order_.films_of(place.batch, *order_of_pass(place.pass)))
    batch.films.push_back(films_[std::size_t(position)]);
  for (const std::int64_t film : batch.films) add_sample(batch, film, place.pass);
  if (settings_.plans_only)
    for (const std::int64_t film : batch.films) batch.streams.push_back(stream_of(film, place.pass));
  batch.masks = draw_batch(sampler_, settings_.seed, place.pass, std::uint64_t(place.batch), batch.films);
  StreamRandom shuffle({settings_.seed, place.pass, std::uint64_t(place.batch), RandomPurpose::kMaskShuffle});
  batch.shuffle = random_permutation(shuffle, settings_.batch_size);
  return batch;
}

LoadedBatch Loader::next() {
  const auto start = std::chrono::steady_clock::now();
  while (std::int64_t(ahead_.size()) < settings_.workers)
    ahead_.push_back(std::async(std::launch::async, [this, iteration = iteration_++] { return make(iteration); }));
  LoadedBatch batch;
  if (settings_.workers == 0) {
    batch = make(iteration_++);
  } else {
    batch = ahead_.front().get();
    ahead_.pop_front();
    ahead_.push_back(std::async(std::launch::async, [this, iteration = iteration_++] { return make(iteration); }));
  }
  waited_seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return batch;
}

}  // namespace chexworld
