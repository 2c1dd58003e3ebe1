// SPDX-License-Identifier: Apache-2.0
#include "worker/explanations.h"

#include "base/failure.h"
#include "bundle/bundle.h"
#include "image/heat_overlay.h"
#include "pipeline/bundle_loader.h"
#include "pipeline/film_facts.h"
#include "worker/json.h"

namespace chexworld {

ExplainedModel::ExplainedModel(const PipelineModel& model) : model_id(model.model_id) {
  const Bundle bundle = Bundle::open(model.bundle);
  const BundleConfig& config = bundle.config();
  if (!config.head) fail(ErrorCode::kNotFound, "the active model has no findings to explain");
  recipe = recipe_for(model.bundle, config.preprocessing, config.encoder.image_size, model.engine.image_size);
  head = *config.head;
  domain = config.domain;
  findings = read_findings_head(bundle);
}

std::optional<Abstention> ExplainedModel::abstention_from(const PreparedRadiograph& film) const {
  if (!domain) return std::nullopt;
  return outside_domain(*domain, film_facts(film.gate, film.quality, film.pixels, recipe.normalization, *domain));
}

std::shared_ptr<const ExplainedModel> Explanations::of(const PipelineModel& model) {
  const std::lock_guard lock(mutex_);  // while reading too: several at once would only read the same
  if (!last_ || last_->model_id != model.model_id) last_ = std::make_shared<const ExplainedModel>(model);
  return last_;
}

Json to_json(const HeatMap& map, const std::optional<Abstention>& abstained) {
  Json json = {{"finding", map.finding},         {"state", abstained ? "abstained" : "answered"},
               {"kind", name_of(map.kind)},      {"grid", array_json(map.values, {map.grid, map.grid})},
               {"bias_share", map.bias_share},   {"logit", map.logit},
               {"probability", nullptr},         {"threshold", map.threshold},
               {"abstained", to_json(abstained)}};
  if (abstained) return json;
  json["probability"] = map.probability;
  json["present"] = map.probability >= map.threshold;
  return json;
}

Json to_json(const ViewWindow& window) {
  return {{"top", window.top}, {"left", window.left}, {"height", window.height}, {"width", window.width}};
}

std::vector<std::byte> heat_map_png(const GrayImage& film, const ViewWindow& window, const HeatMap& map) {
  return encode_png(heat_overlay(film, {map.values, int(map.grid), window}));
}

}  // namespace chexworld
