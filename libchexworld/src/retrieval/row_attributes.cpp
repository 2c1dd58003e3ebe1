// SPDX-License-Identifier: Apache-2.0
#include "retrieval/row_attributes.h"

#include "base/failure.h"
#include "base/sha256.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

namespace chexworld {
namespace {

constexpr double kDaysPerYear = 365.25;
constexpr double kMostYears = 150;

using Date = ResultFilter::Date;

/// 1 to 63; 0 for an empty text.
std::uint8_t small_code(std::string_view text) { return text.empty() ? 0 : std::uint8_t(1 + text_key(text) % 63); }

std::uint32_t code(std::string_view text) {
  return text.empty() ? 0 : std::uint32_t(1 + text_key(text) % std::numeric_limits<std::uint32_t>::max());
}

std::uint16_t age_in_days(double years) { return std::uint16_t(years * kDaysPerYear); }

std::int32_t day_of(const Date& date) { return std::int32_t(std::chrono::sys_days(date).time_since_epoch().count()); }

template <class Code>
std::vector<Code> codes(const std::vector<std::string>& texts, Code (*code_of)(std::string_view), const char* what) {
  std::vector<Code> all;
  for (const std::string& text : texts) {
    if (text.empty()) fail(ErrorCode::kInvalidArgument, std::string("a filter by ") + what + " needs a name");
    all.push_back(code_of(text));
  }
  return all;
}

std::size_t place_of(const std::string& label, const ModelRecord& model) {
  const auto& labels = model.finding_labels;
  const auto found = std::find(labels.begin(), labels.end(), label);
  if (found == labels.end())
    fail(ErrorCode::kNotFound, "model " + model.model_id + " has no finding named '" + label + "'");
  return std::size_t(found - labels.begin());
}

/// Of nothing that the head abstained from is it known that it is there.
bool has_finding(const StoredResult& stored, const ResultFilter::Finding& finding, const ModelRecord& model) {
  return stored.result.abstained.empty() &&
         stored.result.finding_probabilities.at(place_of(finding.label, model)) >= float(finding.least);
}

void check_ranges(const ResultFilter& filter) {
  const auto refuse = [](const char* why) { fail(ErrorCode::kInvalidArgument, why); };
  for (const auto& age : {filter.age_from, filter.age_to})
    if (age && !(*age >= 0 && *age <= kMostYears)) refuse("an age lies in 0 to 150 years");
  if (filter.age_from && filter.age_to && *filter.age_from > *filter.age_to)
    refuse("the range of ages ends before it begins");
  for (const auto& date : {filter.date_from, filter.date_to})
    if (date && !date->ok()) refuse("a date of the filter does not exist");
  if (filter.date_from && filter.date_to && *filter.date_from > *filter.date_to)
    refuse("the range of dates ends before it begins");
}

/// One bit for each code that meets the condition.
std::uint64_t bits_of(const ResultFilter::Labelled& wanted, const std::vector<LabelCode>& codes) {
  std::uint64_t bits = 0;
  bool known = false;
  for (const LabelCode& code : codes) {
    if (code.name != wanted.name) continue;
    known = true;
    if (!wanted.value || *wanted.value == code.value) bits |= std::uint64_t{1} << code.code;
  }
  if (!known) fail(ErrorCode::kNotFound, "nothing in the store has a label named '" + wanted.name + "'");
  return bits;
}

bool has_label(const StoredResult& stored, const ResultFilter::Labelled& wanted) {
  return std::any_of(stored.labels.begin(), stored.labels.end(), [&](const StoredLabel& held) {
    return held.label.name == wanted.name && (!wanted.value || held.label.value == *wanted.value);
  });
}

bool among(const std::vector<std::string>& allowed, const std::string& value) {
  return allowed.empty() || std::find(allowed.begin(), allowed.end(), value) != allowed.end();
}

template <class Value>
bool within_range(const std::optional<Value>& from, const std::optional<Value>& to, const std::optional<Value>& value) {
  if (!from && !to) return true;
  return value && (!from || *value >= *from) && (!to || *value <= *to);
}

}  // namespace

std::uint64_t text_key(std::string_view text) {
  if (text.empty()) return 0;
  const Sha256Digest digest = sha256(text);
  std::uint64_t key = 0;
  std::memcpy(&key, digest.data(), sizeof key);
  return std::max<std::uint64_t>(key, 1);
}

RowAttributes row_attributes(const StoredResult& stored) {
  const InstanceRecord& instance = stored.instance;
  RowAttributes row;
  row.view = small_code(instance.view);
  row.sex = small_code(instance.sex);
  if (instance.age_years) row.age_days = age_in_days(*instance.age_years);
  if (instance.acquisition_date) row.date = day_of(*instance.acquisition_date);
  row.institution = code(instance.institution);
  row.patient = text_key(instance.patient_key);
  row.study = text_key(instance.study_instance_uid);
  row.findings = stored.result.finding_probabilities;
  for (const StoredLabel& label : stored.labels) row.labels |= std::uint64_t{1} << label.code;
  return row;
}

SearchFilter index_filter(const ResultFilter& filter, const ModelRecord& model, Store& store) {
  check_ranges(filter);
  SearchFilter found;
  found.views = codes(filter.views, small_code, "view");
  found.sexes = codes(filter.sexes, small_code, "sex");
  found.institutions = codes(filter.institutions, code, "institution");
  if (filter.age_from || filter.age_to)
    found.age_days = {age_in_days(filter.age_from.value_or(0)), age_in_days(filter.age_to.value_or(kMostYears))};
  if (filter.date_from || filter.date_to)
    found.date = {filter.date_from ? day_of(*filter.date_from) : RowAttributes::kUnknownDate + 1,
                  filter.date_to ? day_of(*filter.date_to) : std::numeric_limits<std::int32_t>::max()};
  for (const ResultFilter::Finding& finding : filter.findings) {
    if (!(finding.least >= 0 && finding.least <= 1))
      fail(ErrorCode::kInvalidArgument, "the least probability of '" + finding.label + "' lies in 0 to 1");
    found.findings.push_back({std::uint32_t(place_of(finding.label, model)), float(finding.least)});
  }
  if (!filter.labels.empty()) {
    const std::vector<LabelCode> codes = store.label_codes();
    for (const ResultFilter::Labelled& wanted : filter.labels) found.labels.push_back(bits_of(wanted, codes));
  }
  return found;
}

bool meets(const ResultFilter& filter, const ModelRecord& model, const StoredResult& stored) {
  const InstanceRecord& instance = stored.instance;
  return among(filter.views, instance.view) && among(filter.sexes, instance.sex) &&
         among(filter.institutions, instance.institution) &&
         within_range(filter.age_from, filter.age_to, instance.age_years) &&
         within_range(filter.date_from, filter.date_to, instance.acquisition_date) &&
         std::all_of(filter.findings.begin(), filter.findings.end(),
                     [&](const ResultFilter::Finding& finding) { return has_finding(stored, finding, model); }) &&
         std::all_of(filter.labels.begin(), filter.labels.end(),
                     [&](const ResultFilter::Labelled& wanted) { return has_label(stored, wanted); });
}

ResultFilter::Labelled labelled_from(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) return {text, std::nullopt};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

bool is_frontal(std::string_view view) {
  std::string lower(view);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return char(std::tolower(c)); });
  return lower == "pa" || lower == "ap" || lower == "frontal";
}

}  // namespace chexworld
