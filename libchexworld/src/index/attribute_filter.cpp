// SPDX-License-Identifier: Apache-2.0
#include "base/failure.h"
#include "index/attribute_table.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <utility>

namespace chexworld {
namespace {

constexpr std::uint64_t kAll = ~std::uint64_t{0};

void require(bool condition, const char* message) {
  if (!condition) fail(ErrorCode::kInvalidArgument, message);
}

/// 64 bytes of 0 or 1 to 64 bits.
std::uint64_t gather(const std::uint8_t* bytes) {
  std::uint64_t bits = 0;
  for (int group = 0; group < 8; ++group) {
    std::uint64_t eight;
    std::memcpy(&eight, bytes + group * 8, 8);
    bits |= (eight * 0x0102040810204080ull >> 56) << group * 8;
  }
  return bits;
}

/// Which of the 64 rows from `values` on, of those set in `rows`, meet the condition. Rows that are not set are not
/// read: another thread may be writing them.
template <class Value, class Condition>
std::uint64_t meeting(const Value* values, std::uint64_t rows, const Condition& condition) {
  if (rows == kAll) {
    alignas(64) std::uint8_t bytes[64];
    for (int i = 0; i < 64; ++i) bytes[i] = std::uint8_t(condition(values[i]));
    return gather(bytes);
  }
  std::uint64_t met = 0;
  for (std::uint64_t left = rows; left != 0; left &= left - 1) {
    const int i = std::countr_zero(left);
    met |= std::uint64_t(condition(values[i])) << i;
  }
  return met;
}

/// Keeps the rows whose value meets the condition.
template <class Value, class Condition>
void narrow(RowMask& mask, const Column& column, const Condition& condition) {
  const auto* values = column.as<const Value>();
  for (std::size_t word = 0; word < mask.words.size(); ++word)
    if (mask.words[word] != 0) mask.words[word] = meeting(values + word * 64, mask.words[word], condition);
}

void narrow_to_codes(RowMask& mask, const Column& column, const std::vector<std::uint8_t>& codes) {
  if (codes.empty()) return;
  std::uint64_t set = 0;
  for (const std::uint8_t code : codes) set |= std::uint64_t{1} << code;
  narrow<std::uint8_t>(mask, column, [set](std::uint8_t code) { return (set >> (code & 63)) & 1; });
}

/// Keeps the rows whose value is one of these. One value after the other: comparing with a single one is what the
/// compiler turns into vector instructions.
void narrow_to_any(RowMask& mask, const Column& column, const std::vector<std::uint32_t>& wanted) {
  const auto* values = column.as<const std::uint32_t>();
  for (std::size_t word = 0; word < mask.words.size(); ++word) {
    const std::uint64_t rows = std::exchange(mask.words[word], 0);
    if (rows == 0) continue;
    for (const std::uint32_t one : wanted)
      mask.words[word] |= meeting(values + word * 64, rows, [one](std::uint32_t value) { return value == one; });
  }
}

/// Keeps the rows whose value is known and within the range.
template <class Value>
void narrow_to_range(RowMask& mask, const Column& column, const std::optional<std::pair<Value, Value>>& range,
                     Value unknown) {
  if (!range) return;
  const auto [from, to] = *range;
  narrow<Value>(mask, column,
                [from, to, unknown](Value value) { return (value >= from) & (value <= to) & (value != unknown); });
}

}  // namespace

void AttributeTable::check(const SearchFilter& filter) const {
  for (const std::uint8_t code : filter.views) require(code < 64, "view codes are below 64");
  for (const std::uint8_t code : filter.sexes) require(code < 64, "sex codes are below 64");
  for (const SearchFilter::Finding& finding : filter.findings) {
    if (finding.index >= findings_)
      fail(ErrorCode::kInvalidArgument,
           "there is no finding " + std::to_string(finding.index) + ", the index holds " + std::to_string(findings_));
    require(finding.least >= 0 && finding.least <= 1, "a finding's threshold must lie in 0 to 1");
  }
}

bool AttributeTable::restricts(const SearchFilter& filter) {
  return !filter.views.empty() || !filter.sexes.empty() || filter.age_days || filter.date ||
         !filter.institutions.empty() || !filter.labels.empty() || !filter.findings.empty();
}

RowMask AttributeTable::live_rows(std::size_t rows) const {
  RowMask mask;
  mask.words.resize((rows + 63) / 64);
  for (std::size_t word = 0; word < mask.words.size(); ++word) mask.words[word] = live_word(word);
  if (rows % 64 != 0) mask.words.back() &= (std::uint64_t{1} << rows % 64) - 1;
  return mask;
}

RowMask AttributeTable::matching(const SearchFilter& filter, std::size_t rows) const {
  RowMask mask = live_rows(rows);
  narrow_to_codes(mask, views_, filter.views);
  narrow_to_codes(mask, sexes_, filter.sexes);
  narrow_to_range(mask, ages_, filter.age_days, RowAttributes::kUnknownAge);
  narrow_to_range(mask, dates_, filter.date, RowAttributes::kUnknownDate);
  if (!filter.institutions.empty()) narrow_to_any(mask, institutions_, filter.institutions);
  if (!filter.labels.empty()) narrow_to_labels(mask, filter.labels);
  for (const SearchFilter::Finding& finding : filter.findings) narrow_to_finding(mask, finding);
  for (const std::uint64_t word : mask.words) mask.count += std::size_t(std::popcount(word));
  return mask;
}

void AttributeTable::narrow_to_labels(RowMask& mask, const std::vector<std::uint64_t>& wanted) const {
  for (std::size_t word = 0; word < mask.words.size(); ++word) {
    for (std::uint64_t left = mask.words[word]; left != 0; left &= left - 1) {
      const std::uint64_t held = labels(std::uint32_t(word * 64 + std::size_t(std::countr_zero(left))));
      const bool meets =
          std::all_of(wanted.begin(), wanted.end(), [&](std::uint64_t any) { return (held & any) != 0; });
      if (!meets) mask.words[word] &= ~(left & -left);
    }
  }
}

void AttributeTable::narrow_to_finding(RowMask& mask, const SearchFilter::Finding& finding) const {
  const std::uint16_t least = step_of(finding.least);
  for (std::size_t word = 0; word < mask.words.size(); ++word) {
    for (std::uint64_t left = mask.words[word]; left != 0; left &= left - 1) {
      const std::size_t row = word * 64 + std::size_t(std::countr_zero(left));
      const auto* steps = reinterpret_cast<const std::uint16_t*>(probabilities_.row(row));
      if (steps[finding.index] < least) mask.words[word] &= ~(left & -left);
    }
  }
}

}  // namespace chexworld
