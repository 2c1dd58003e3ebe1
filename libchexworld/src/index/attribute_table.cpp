// SPDX-License-Identifier: Apache-2.0
#include "index/attribute_table.h"

#include "base/failure.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace chexworld {
namespace {

float probability_of(std::uint16_t step) {
  return step == 0 ? std::numeric_limits<float>::quiet_NaN() : float(step - 1) / AttributeTable::kSteps;
}

void require(bool condition, const char* message) {
  if (!condition) fail(ErrorCode::kInvalidArgument, message);
}

}  // namespace

AttributeTable::AttributeTable(std::uint32_t findings, std::size_t most_rows)
    : findings_(findings),
      ids_(8, most_rows),
      patients_(8, most_rows),
      studies_(8, most_rows),
      labels_(8, most_rows),
      dates_(4, most_rows),
      institutions_(4, most_rows),
      ages_(2, most_rows),
      views_(1, most_rows),
      sexes_(1, most_rows),
      probabilities_(std::size_t{2} * std::max(findings, 1u), most_rows),
      live_(8, most_rows / 64 + 1) {}

std::vector<AttributeTable::Named> AttributeTable::columns() {
  return {{"ids", &ids_},     {"patients", &patients_},         {"studies", &studies_}, {"labels", &labels_},
          {"dates", &dates_}, {"institutions", &institutions_}, {"ages", &ages_},       {"views", &views_},
          {"sexes", &sexes_}, {"findings", &probabilities_},    {"live", &live_}};
}

std::uint16_t AttributeTable::step_of(float probability) {
  return std::isnan(probability) ? std::uint16_t{0} : std::uint16_t(1 + std::floor(probability * kSteps));
}

void AttributeTable::grow(std::size_t rows) {
  for (const Named& named : columns()) named.column->grow(named.column == &live_ ? rows / 64 + 1 : rows);
}

void AttributeTable::check(const RowAttributes& attributes) const {
  require(attributes.view < 64 && attributes.sex < 64, "view and sex codes must be below 64");
  if (attributes.findings.size() > findings_)
    fail(ErrorCode::kInvalidArgument, "the index holds " + std::to_string(findings_) + " findings per row, given " +
                                          std::to_string(attributes.findings.size()));
  for (const float value : attributes.findings)
    require(std::isnan(value) || (value >= 0 && value <= 1), "a finding's probability must lie in 0 to 1");
}

void AttributeTable::set(std::uint32_t row, std::uint64_t id, const RowAttributes& attributes) {
  ids_.as<std::uint64_t>()[row] = id;
  patients_.as<std::uint64_t>()[row] = attributes.patient;
  studies_.as<std::uint64_t>()[row] = attributes.study;
  labels_.as<std::uint64_t>()[row] = attributes.labels;
  dates_.as<std::int32_t>()[row] = attributes.date;
  institutions_.as<std::uint32_t>()[row] = attributes.institution;
  ages_.as<std::uint16_t>()[row] = attributes.age_days;
  views_.as<std::uint8_t>()[row] = attributes.view;
  sexes_.as<std::uint8_t>()[row] = attributes.sex;
  auto* steps = reinterpret_cast<std::uint16_t*>(probabilities_.row(row));
  for (std::uint32_t i = 0; i < findings_; ++i)
    steps[i] = i < attributes.findings.size() ? AttributeTable::step_of(attributes.findings[i]) : std::uint16_t{0};
}

RowAttributes AttributeTable::get(std::uint32_t row) const {
  RowAttributes result;
  result.patient = patient(row);
  result.study = study(row);
  result.labels = labels(row);
  result.date = dates_.as<std::int32_t>()[row];
  result.institution = institutions_.as<std::uint32_t>()[row];
  result.age_days = ages_.as<std::uint16_t>()[row];
  result.view = views_.as<std::uint8_t>()[row];
  result.sex = sexes_.as<std::uint8_t>()[row];
  const auto* steps = reinterpret_cast<const std::uint16_t*>(probabilities_.row(row));
  for (std::uint32_t i = 0; i < findings_; ++i) result.findings.push_back(probability_of(steps[i]));
  return result;
}

void AttributeTable::set_labels(std::uint32_t row, std::uint64_t labels) {
  std::atomic_ref(labels_.as<std::uint64_t>()[row]).store(labels, std::memory_order_relaxed);
}

bool AttributeTable::same_but_labels(std::uint32_t row, const RowAttributes& attributes) const {
  const auto* steps = reinterpret_cast<const std::uint16_t*>(probabilities_.row(row));
  for (std::uint32_t i = 0; i < findings_; ++i)
    if (steps[i] != (i < attributes.findings.size() ? step_of(attributes.findings[i]) : std::uint16_t{0})) return false;
  return patient(row) == attributes.patient && study(row) == attributes.study &&
         dates_.as<std::int32_t>()[row] == attributes.date &&
         institutions_.as<std::uint32_t>()[row] == attributes.institution &&
         ages_.as<std::uint16_t>()[row] == attributes.age_days && views_.as<std::uint8_t>()[row] == attributes.view &&
         sexes_.as<std::uint8_t>()[row] == attributes.sex;
}

void AttributeTable::set_live(std::uint32_t row, bool live) {
  const std::atomic_ref word(live_.as<std::uint64_t>()[row / 64]);
  const std::uint64_t bit = std::uint64_t{1} << row % 64;
  if (live) {
    word.fetch_or(bit, std::memory_order_release);
  } else {
    word.fetch_and(~bit, std::memory_order_release);
  }
}

}  // namespace chexworld
