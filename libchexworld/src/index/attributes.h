// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

namespace chexworld {

/// What a row can be filtered by. Codes and hashes are the caller's own; the index only compares them. Patients and
/// studies are keyed hashes, never identifiers.
struct RowAttributes {
  static constexpr std::uint16_t kUnknownAge = 0xffff;
  static constexpr std::int32_t kUnknownDate = std::numeric_limits<std::int32_t>::min();

  std::uint8_t view = 0;                 ///< code below 64; 0: unknown
  std::uint8_t sex = 0;                  ///< code below 64; 0: unknown
  std::uint16_t age_days = kUnknownAge;  ///< at acquisition
  std::int32_t date = kUnknownDate;      ///< acquisition, days since 1970-01-01
  std::uint32_t institution = 0;         ///< code; 0: unknown
  std::uint64_t patient = 0;             ///< keyed hash; 0: unknown, never the same as another
  std::uint64_t study = 0;               ///< keyed hash; 0: unknown, never the same as another
  std::uint64_t labels = 0;              ///< one bit per label
  std::vector<float> findings;           ///< probability each, in the index's order; NaN: unknown; may be shorter

  friend bool operator==(const RowAttributes&, const RowAttributes&) = default;
};

/// Which rows a search may return; every condition given must hold. An unknown value meets no condition on it.
struct SearchFilter {
  struct Finding {
    std::uint32_t index = 0;
    float least = 0;  ///< probability, reached or exceeded; kept in steps of 1/65534
  };

  std::vector<std::uint8_t> views;                                  ///< any of these; empty: all
  std::vector<std::uint8_t> sexes;                                  ///< any of these; empty: all
  std::optional<std::pair<std::uint16_t, std::uint16_t>> age_days;  ///< from, to (both included)
  std::optional<std::pair<std::int32_t, std::int32_t>> date;        ///< from, to (both included)
  std::vector<std::uint32_t> institutions;                          ///< any of these; empty: all
  std::vector<std::uint64_t> labels;                                ///< of each, at least one bit; 0: nothing meets it
  std::vector<Finding> findings;                                    ///< every one of these
  std::uint64_t exclude_patient = 0;                                ///< 0: none
  std::uint64_t exclude_study = 0;                                  ///< 0: none
};

}  // namespace chexworld
