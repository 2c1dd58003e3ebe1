// SPDX-License-Identifier: Apache-2.0
#include "worker/search_body.h"

#include "base/failure.h"

#include <algorithm>

namespace chexworld {
namespace {

constexpr std::int64_t kMostHits = 1000;
constexpr double kMostYears = 150;
constexpr std::size_t kMostSearches = 100;

/// "2020-03-01"; nullopt for empty text.
std::optional<std::chrono::year_month_day> date_from(const std::string& text, const std::string& name) {
  if (text.empty()) return std::nullopt;
  int year = 0;
  unsigned month = 0, day = 0;
  char surplus = 0;
  const bool read = text.size() == 10 && std::sscanf(text.c_str(), "%4d-%2u-%2u%c", &year, &month, &day, &surplus) == 3;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
  if (!read || !date.ok()) fail(ErrorCode::kInvalidArgument, "'" + name + "' must be a date such as 2020-03-01");
  return date;
}

/// Takes a key out; null where there is none.
Json taken(Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return nullptr;
  Json value = std::move(*found);
  object.erase(found);
  return value;
}

std::vector<float> numbers_from(const Json& json, const char* complaint) {
  if (!json.is_array() || !std::all_of(json.begin(), json.end(), [](const Json& v) { return v.is_number(); }))
    fail(ErrorCode::kInvalidArgument, complaint);
  return json.get<std::vector<float>>();
}

/// [x0, y0, x1, y1]
ImageRegion region_from(const Json& json) {
  const char* complaint = "'region' must be four numbers, [x0, y0, x1, y1]";
  numbers_from(json, complaint);
  if (json.size() != 4) fail(ErrorCode::kInvalidArgument, complaint);
  return {json[0].get<double>(), json[1].get<double>(), json[2].get<double>(), json[3].get<double>()};
}

SearchExample example_from(Json json, const char* key) {
  const Json vector = taken(json, "vector"), region = taken(json, "region");
  ConfigReader reader(std::move(json), key);
  const std::string study = reader.text("study", "");
  const std::string instance = reader.text("instance", "");
  reader.finish();
  if (int(!vector.is_null()) + int(!study.empty()) + int(!instance.empty()) != 1)
    fail(ErrorCode::kInvalidArgument, "an example must name an 'instance', a 'study' or a 'vector'");
  if (!region.is_null() && instance.empty())
    fail(ErrorCode::kInvalidArgument, "a 'region' belongs to an example that names an 'instance'");
  if (!vector.is_null()) return VectorExample{numbers_from(vector, "'vector' must be a list of numbers")};
  if (!region.is_null()) return RegionExample{instance, region_from(region)};
  if (!study.empty()) return StudyExample{study};
  return InstanceExample{instance};
}

std::vector<SearchExample> examples_from(const Json& body, const char* key) {
  std::vector<SearchExample> examples;
  if (!body.contains(key)) return examples;
  if (!body[key].is_array()) fail(ErrorCode::kInvalidArgument, std::string("'") + key + "' must be a list");
  for (const Json& json : body[key]) {
    if (!json.is_object()) fail(ErrorCode::kInvalidArgument, std::string("'") + key + "' must hold objects");
    examples.push_back(example_from(json, key));
  }
  return examples;
}

std::optional<double> years(ConfigReader& reader, const char* key) {
  if (!reader.has(key)) return std::nullopt;
  return reader.number(key, 0, {0, kMostYears});
}

ResultFilter filter_from(ConfigReader reader) {
  ResultFilter filter;
  filter.views = reader.texts("views");
  filter.sexes = reader.texts("sexes");
  filter.institutions = reader.texts("institutions");
  filter.age_from = years(reader, "age_from");
  filter.age_to = years(reader, "age_to");
  filter.date_from = date_from(reader.text("date_from", ""), "date_from");
  filter.date_to = date_from(reader.text("date_to", ""), "date_to");
  for (ConfigReader& finding : reader.sections("findings")) {
    filter.findings.push_back({finding.text("label", ""), finding.number("least", 0.5, {0, 1})});
    finding.finish();
  }
  for (ConfigReader& label : reader.sections("labels")) {
    const bool any_value = !label.has("value");
    const std::string value = label.text("value", "");
    filter.labels.push_back({label.text("name", ""), any_value ? std::nullopt : std::optional(value)});
    label.finish();
  }
  filter.exclude_same_patient = reader.boolean("exclude_same_patient", false);
  filter.exclude_same_study = reader.boolean("exclude_same_study", false);
  reader.finish();
  return filter;
}

std::vector<std::string> one_or_none(const std::optional<std::string>& text) {
  return text ? std::vector<std::string>{*text} : std::vector<std::string>{};
}

std::optional<double> years(Arguments& arguments, const char* name) {
  const auto value = arguments.integer(name, 0, std::int64_t(kMostYears));
  return value ? std::optional(double(*value)) : std::nullopt;
}

}  // namespace

SearchRequest search_from_json(Json body) {
  SearchRequest request;
  request.positive = examples_from(body, "positive");
  request.negative = examples_from(body, "negative");
  body.erase("positive");
  body.erase("negative");
  ConfigReader reader(std::move(body), "the body");
  request.negative_weight = reader.number("negative_weight", request.negative_weight, {0, 1});
  request.best_of = reader.boolean("best_of", false);
  request.include_examples = reader.boolean("include_examples", false);
  request.k = std::size_t(reader.integer("k", 10, {1, kMostHits}));
  request.exact = reader.boolean("exact", false);
  request.model_id = reader.text("model_id", "");
  request.filter = filter_from(reader.section("filter"));
  reader.finish();
  return request;
}

std::vector<SearchRequest> searches_from_json(const Json& body) {
  const Json& list = body.at("searches");
  if (body.size() != 1 || !list.is_array() || list.empty() || list.size() > kMostSearches)
    fail(ErrorCode::kInvalidArgument, "'searches' stands alone and is a list of 1 to 100 searches");
  std::vector<SearchRequest> requests;
  for (const Json& one : list) {
    const std::string place = "searches[" + std::to_string(requests.size()) + "]";
    if (!one.is_object()) fail(ErrorCode::kInvalidArgument, place + " must be an object");
    requests.push_back(within(place, [&] { return search_from_json(one); }));
  }
  return requests;
}

SearchRequest search_from_arguments(Arguments& arguments) {
  SearchRequest request;
  request.k = std::size_t(arguments.integer("k", 1, kMostHits).value_or(10));
  request.exact = arguments.boolean("exact", false);
  request.filter.views = one_or_none(arguments.text("view"));
  request.filter.sexes = one_or_none(arguments.text("sex"));
  request.filter.age_from = years(arguments, "age-from");
  request.filter.age_to = years(arguments, "age-to");
  request.filter.date_from = date_from(arguments.text("date-from", ""), "date-from");
  request.filter.date_to = date_from(arguments.text("date-to", ""), "date-to");
  if (const auto finding = arguments.text("finding")) request.filter.findings.push_back({*finding, 0.5});
  if (const auto label = arguments.text("label")) request.filter.labels.push_back(labelled_from(*label));
  request.filter.exclude_same_patient = arguments.boolean("exclude-same-patient", false);
  request.filter.exclude_same_study = arguments.boolean("exclude-same-study", false);
  return request;
}

}  // namespace chexworld
