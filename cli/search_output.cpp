// SPDX-License-Identifier: Apache-2.0
#include "cli/search_output.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

namespace chexworld::cli {
namespace {

constexpr std::size_t kFindingsShown = 3;

std::string rounded(double value, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

Json findings_of(const ResultHit& hit, const std::vector<std::string>& labels) {
  Json findings = Json::object();
  const auto& probabilities = hit.result.result.finding_probabilities;
  for (std::size_t i = 0; i < std::min(labels.size(), probabilities.size()); ++i)
    findings[labels[i]] = probabilities[i];
  return findings;
}

Json optional_text(const std::string& text) { return text.empty() ? Json() : Json(text); }

Json to_json(const ResultHit& hit, const std::vector<std::string>& labels) {
  const InstanceRecord& instance = hit.result.instance;
  Json json{{"sop_instance_uid", instance.sop_instance_uid},
            {"series_instance_uid", optional_text(instance.series_instance_uid)},
            {"study_instance_uid", optional_text(instance.study_instance_uid)},
            {"score", hit.score},
            {"distance", hit.distance},
            {"view", optional_text(instance.view)},
            {"sex", optional_text(instance.sex)},
            {"age_years", instance.age_years ? Json(*instance.age_years) : Json()},
            {"date", optional_text(date_text(instance))},
            {"institution", optional_text(instance.institution)},
            {"findings", findings_of(hit, labels)},
            {"abstained", optional_text(hit.result.result.abstained)},
            {"labels", Json::array()}};
  for (const StoredLabel& stored : hit.result.labels)
    json["labels"].push_back({{"name", stored.label.name},
                              {"value", stored.label.value},
                              {"source", stored.label.source},
                              {"of", stored.level == LabelLevel::kStudy ? "study" : "instance"}});
  if (hit.region) json["region"] = {hit.region->x0, hit.region->y0, hit.region->x1, hit.region->y1};
  return json;
}

}  // namespace

std::string date_text(const InstanceRecord& instance) {
  if (!instance.acquisition_date) return "";
  const auto& date = *instance.acquisition_date;
  char text[32];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u", int(date.year()), unsigned(date.month()), unsigned(date.day()));
  return text;
}

std::string age_text(const InstanceRecord& instance) {
  return instance.age_years ? std::to_string(int(std::floor(*instance.age_years))) : "";
}

std::string finding_summary(const ResultHit& hit, const std::vector<std::string>& labels) {
  if (!hit.result.result.abstained.empty()) return "abstained: " + hit.result.result.abstained;
  const auto& probabilities = hit.result.result.finding_probabilities;
  std::vector<std::size_t> order(std::min(labels.size(), probabilities.size()));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return probabilities[a] > probabilities[b]; });
  if (order.size() > kFindingsShown) order.resize(kFindingsShown);
  std::string text;
  for (const std::size_t i : order)
    text += (text.empty() ? "" : ", ") + labels[i] + " " + rounded(double(probabilities[i]), 2);
  return text;
}

std::string label_summary(const ResultHit& hit) {
  std::string text;
  for (const StoredLabel& stored : hit.result.labels) {
    const Label& label = stored.label;
    text += (text.empty() ? "" : ", ") + label.name;
    if (!label.value.empty()) text += "=" + label.value;
    if (!label.source.empty()) text += " (" + label.source + ")";
  }
  return text;
}

Json to_json(const SearchOutput& output) {
  Json hits = Json::array();
  for (const ResultHit& hit : output.reply.hits) hits.push_back(to_json(hit, output.labels));
  return {{"model_id", output.reply.model_id},
          {"compared", output.reply.compared},
          {"exact", output.reply.exact},
          {"seconds", output.seconds},
          {"hits", hits}};
}

void print_table(const SearchOutput& output) {
  std::printf("%4s  %6s  %-5s %3s %3s %-10s  %-64s  %s\n", "rank", "score", "view", "sex", "age", "date",
              "SOP Instance UID", "findings; labels");
  int rank = 0;
  for (const ResultHit& hit : output.reply.hits) {
    const InstanceRecord& instance = hit.result.instance;
    const std::string labels = label_summary(hit);
    std::printf("%4d  %6.4f  %-5s %3s %3s %-10s  %-64s  %s%s%s\n", ++rank, double(hit.score), instance.view.c_str(),
                instance.sex.c_str(), age_text(instance).c_str(), date_text(instance).c_str(),
                instance.sop_instance_uid.c_str(), finding_summary(hit, output.labels).c_str(),
                labels.empty() ? "" : "; ", labels.c_str());
  }
  if (output.reply.hits.empty()) std::printf("nothing in the store meets the filter\n");
}

}  // namespace chexworld::cli
