// SPDX-License-Identifier: Apache-2.0
#include "worldmodel/tensor_augment.h"

#include "base/failure.h"
#include "image/blur.h"
#include "worldmodel/to_device.h"

#include <algorithm>
#include <ATen/ATen.h>
#include <functional>

namespace chexworld {

namespace {

using at::Tensor;
using at::indexing::Slice;

// A float per picture, on the device; shaped to multiply [B, S, S].
template <class Item>
Tensor per_picture(std::span<const Item> items, const std::function<float(const Item&)>& value, at::Device device) {
  std::vector<float> values(items.size());
  std::transform(items.begin(), items.end(), values.begin(), value);
  return to_device(at::tensor(values, at::kFloat), device).view({-1, 1, 1});
}

Tensor whole(const Tensor& gray) { return gray.clamp(0, 255).floor_(); }
Tensor rounded(const Tensor& gray) { return whole(gray + 0.5); }

Tensor cubic(const Tensor& distance) {
  const Tensor x = distance.abs();
  const Tensor near = (1.5 * x - 2.5) * x * x + 1;
  const Tensor far = ((x - 5) * x + 8) * x * -0.5 + 2;
  return at::where(x < 1, near, at::where(x < 2, far, at::zeros({}, x.options())));
}

// `pixels`: how many of a picture's values count (the rest is zero), f32[B, 1, 1].
Tensor with_contrast(const Tensor& gray, const Tensor& factor, const Tensor& pixels) {
  const Tensor mean = gray.sum({1, 2}, true, at::kDouble).div(pixels);
  const Tensor towards = (mean + 0.5).floor().to(at::kFloat);
  return whole(towards + factor * (gray - towards));
}

Tensor with_gamma(const Tensor& gray, const Tensor& exponent) {
  return at::where(exponent == 1, gray, whole(255.999 * (gray / 255).pow(exponent)));
}

Tensor jittered(const FilmBatch& films, std::span<const DualViewPlan> plans) {
  const auto of_plan = [&](const std::function<float(const DualViewPlan&)>& value) {
    return per_picture<DualViewPlan>(plans, value, films.pixels.device());
  };
  const Tensor brightness = of_plan([](const DualViewPlan& plan) { return plan.jitter.brightness; });
  const Tensor contrast = of_plan([](const DualViewPlan& plan) { return plan.jitter.contrast; });
  const Tensor contrast_first = of_plan([](const DualViewPlan& plan) { return float(plan.jitter.contrast_first); });
  const Tensor pixels = per_picture<PixelSize>(
      films.sizes, [](const PixelSize& size) { return float(size.height) * float(size.width); }, films.pixels.device());
  const Tensor none = at::ones({}, brightness.options());
  const Tensor gray = films.pixels.to(at::kFloat);
  const Tensor first = with_contrast(gray, at::where(contrast_first > 0, contrast, none), pixels);
  return with_contrast(whole(first * brightness), at::where(contrast_first > 0, none, contrast), pixels);
}

Tensor cut_views(const Tensor& films, std::span<const DualViewPlan> plans, std::size_t v, int size) {
  const auto of_view = [&](const std::function<float(const ViewPlan&, int)>& value) {
    const auto from_plan = [&](const DualViewPlan& plan) { return value(plan.views[v], plan.film_width); };
    return per_picture<DualViewPlan>(plans, from_plan, films.device()).view(-1);
  };
  const Tensor flipped = of_view([](const ViewPlan& view, int) { return float(view.flipped); }) > 0;
  const Tensor top = of_view([](const ViewPlan& view, int) { return float(view.crop.top); });
  const Tensor left = of_view([](const ViewPlan& view, int width) {
    return float(view.flipped ? unmirrored(view.crop, width).left : view.crop.left);
  });
  const Tensor height = of_view([](const ViewPlan& view, int) { return float(view.crop.height); });
  const Tensor width = of_view([](const ViewPlan& view, int) { return float(view.crop.width); });
  const Tensor columns = resample_matrices(left, width, flipped, size, films.size(2));
  const Tensor rows = resample_matrices(top, height, at::zeros_like(flipped), size, films.size(1));
  return rounded(rows.bmm(rounded(films.bmm(columns.transpose(1, 2)))));
}

std::vector<std::int64_t> where_positive(std::span<const Action> actions, float Action::* member) {
  std::vector<std::int64_t> indices;
  for (std::size_t i = 0; i < actions.size(); ++i)
    if (actions[i].*member > 0) indices.push_back(std::int64_t(i));
  return indices;
}

// Box kernels f32[n, 1, 1, 2 * reach + 1], one per picture.
Tensor box_kernels(const std::vector<BoxFilter>& boxes, int reach) {
  Tensor kernels = at::zeros({std::int64_t(boxes.size()), 1, 1, 2 * reach + 1});
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    const BoxFilter& box = boxes[i];
    Tensor row = kernels[std::int64_t(i)][0][0];
    row.index_put_({Slice(reach - box.whole - 1, reach + box.whole + 2)}, double(box.edge_weight) * 0x1p-24);
    row.index_put_({Slice(reach - box.whole, reach + box.whole + 1)}, double(box.weight) * 0x1p-24);
  }
  return kernels;
}

Tensor blurred_rows(Tensor gray, const Tensor& kernels) {
  const std::int64_t reach = kernels.size(3) / 2;
  for (int pass = 0; pass < kBoxPasses; ++pass) {
    const Tensor padded = at::replication_pad1d(gray, {reach, reach});
    gray = rounded((padded.unfold(2, 2 * reach + 1, 1) * kernels).sum(-1));
  }
  return gray;
}

Tensor blurred(const Tensor& gray, const std::vector<BoxFilter>& boxes) {
  int reach = 0;
  for (const BoxFilter& box : boxes) reach = std::max(reach, box.whole + 1);
  const Tensor kernels = to_device(box_kernels(boxes, reach), gray.device());
  return blurred_rows(blurred_rows(gray, kernels).transpose(1, 2).contiguous(), kernels).transpose(1, 2);
}

void blur_some(Tensor& gray, std::span<const Action> actions) {
  const auto some = where_positive(actions, &Action::blur_radius);
  if (some.empty()) return;
  std::vector<BoxFilter> boxes;
  for (const std::int64_t i : some) boxes.push_back(box_filter(actions[std::size_t(i)].blur_radius));
  const Tensor index = to_device(at::tensor(some, at::kLong), gray.device());
  gray = gray.index_copy(0, index, blurred(gray.index_select(0, index), boxes));
}

// f32[S, S, 3], the field that the 8-bit path would draw.
Tensor noise_field(const RandomStream& stream, std::int64_t height, std::int64_t width) {
  Tensor field = at::empty({height, width, 3}, at::kFloat);
  StreamRandom random(stream);
  fill_normal(random, {field.mutable_data_ptr<float>(), std::size_t(field.numel())});
  return field;
}

Tensor luma(const Tensor& rgb) {
  const Tensor sum = rgb.select(-1, 0) * 19595 + rgb.select(-1, 1) * 38470 + rgb.select(-1, 2) * 7471;
  return ((sum + 32768) / 65536).floor();
}

void add_noise_to_some(Tensor& gray, std::span<const Action> actions, std::span<const RandomStream> streams) {
  for (const std::int64_t i : where_positive(actions, &Action::noise_sigma)) {
    const Tensor field = noise_field(streams[std::size_t(i)], gray.size(1), gray.size(2)).to(gray.device());
    const double sigma = actions[std::size_t(i)].noise_sigma;
    gray.select(0, i).copy_(luma(whole(gray.select(0, i).unsqueeze(-1) + field * (sigma * 255))));
  }
}

void require_equal_counts(std::size_t pictures, std::size_t plans, std::size_t streams) {
  if (pictures == plans && plans == streams && plans > 0) return;
  fail(ErrorCode::kInvalidArgument, "augmentation: a batch needs one plan and one random stream per film, not " +
                                        std::to_string(plans) + " and " + std::to_string(streams) + " for " +
                                        std::to_string(pictures));
}

void require_plans_fit(const FilmBatch& films, std::span<const DualViewPlan> plans, int size, std::size_t views) {
  if (size < 1) fail(ErrorCode::kInvalidArgument, "augmentation: the size must be at least 1 pixel");
  for (std::size_t i = 0; i < plans.size(); ++i) {
    const GrayImage extent{films.sizes[i].width, films.sizes[i].height, {}};
    for (std::size_t v = 0; v < views; ++v) require_inside(extent, plans[i].views[v].crop);
    if (plans[i].film_width != extent.width)
      fail(ErrorCode::kInvalidArgument, "augmentation: a plan was drawn for a film of another width");
  }
}

}  // namespace

FilmBatch stack_films(std::span<const GrayImage> films, at::Device device) {
  if (films.empty()) fail(ErrorCode::kInvalidArgument, "augmentation: a batch needs at least one film");
  PixelSize extent;
  FilmBatch batch;
  for (const GrayImage& film : films) {
    require_picture(film, "augmentation");
    batch.sizes.push_back({film.height, film.width});
    extent = {std::max(extent.height, film.height), std::max(extent.width, film.width)};
  }
  Tensor pixels = at::zeros({std::int64_t(films.size()), extent.height, extent.width}, at::kByte);
  for (std::size_t i = 0; i < films.size(); ++i) {
    auto* target = pixels[std::int64_t(i)].mutable_data_ptr<std::uint8_t>();
    for (int y = 0; y < films[i].height; ++y, target += extent.width)
      std::copy_n(films[i].pixels.data() + std::size_t(y) * std::size_t(films[i].width), films[i].width, target);
  }
  batch.pixels = to_device(pixels, device);
  return batch;
}

Tensor resample_matrices(const Tensor& starts, const Tensor& lengths, const Tensor& mirrored, int size,
                         std::int64_t extent) {
  const Tensor length = lengths.view({-1, 1, 1});
  const Tensor scale = length / size;
  const Tensor center = (at::arange(size, lengths.options()) + 0.5).view({1, -1, 1}) * scale;
  const Tensor position = (at::arange(extent, lengths.options()) + 0.5).view({1, 1, -1}) - starts.view({-1, 1, 1});
  const Tensor inside = (position > 0).logical_and(position < length);
  const Tensor weights = cubic((position - center) / scale.clamp_min(1)) * inside;
  const Tensor unit = weights / weights.sum(-1, true);
  return at::where(mirrored.view({-1, 1, 1}), unit.flip(1), unit);
}

Tensor apply_actions(const Tensor& views, std::span<const Action> actions, std::span<const RandomStream> noise) {
  require_equal_counts(std::size_t(views.size(0)), actions.size(), noise.size());
  const auto of_action = [&](float Action::* member) {
    return per_picture<Action>(actions, [member](const Action& action) { return action.*member; }, views.device());
  };
  const Tensor pixels = at::full({1, 1, 1}, double(views.size(1) * views.size(2)), views.options());
  const Tensor bright = whole(views * of_action(&Action::brightness));
  Tensor gray = with_gamma(with_contrast(bright, of_action(&Action::contrast), pixels), of_action(&Action::gamma));
  blur_some(gray, actions);
  add_noise_to_some(gray, actions, noise);
  return gray;
}

GrayDualViews make_dual_views(const FilmBatch& films, std::span<const DualViewPlan> plans, int size,
                              std::span<const RandomStream> streams) {
  require_equal_counts(films.sizes.size(), plans.size(), streams.size());
  require_plans_fit(films, plans, size, 2);
  constexpr RandomPurpose purposes[] = {RandomPurpose::kNoiseFirst, RandomPurpose::kNoiseSecond};
  const Tensor gray = jittered(films, plans);
  GrayDualViews batch;
  for (std::size_t v = 0; v < 2; ++v) {
    std::vector<Action> actions;
    std::vector<RandomStream> noise(streams.begin(), streams.end());
    for (const DualViewPlan& plan : plans) actions.push_back(plan.views[v].action);
    for (RandomStream& stream : noise) stream.purpose = purposes[v];
    batch.views[v] = cut_views(gray, plans, v, size);
    batch.contexts[v] = apply_actions(batch.views[v], actions, noise);
  }
  return batch;
}

Tensor make_first_views(const FilmBatch& films, std::span<const DualViewPlan> plans, int size) {
  require_equal_counts(films.sizes.size(), plans.size(), plans.size());
  require_plans_fit(films, plans, size, 1);
  return cut_views(jittered(films, plans), plans, 0, size);
}

Tensor normalized(const Tensor& gray, const Normalization& normalization) {
  const auto channels = [&](const std::array<float, 3>& values) {
    return at::tensor(at::ArrayRef<float>(values), at::kFloat).to(gray.device()).view({1, 3, 1, 1});
  };
  return (gray.unsqueeze(1).to(at::kFloat) / 255 - channels(normalization.mean)) / channels(normalization.deviation);
}

}  // namespace chexworld
