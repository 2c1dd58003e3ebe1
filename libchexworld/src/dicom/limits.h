// SPDX-License-Identifier: Apache-2.0
//
// How much a single DICOM object may ask of us, and the clock that enforces the time.
#pragma once

#include <chrono>
#include <cstdint>

namespace chexworld {

/// Checked before memory is taken and before any library sees the bytes. Every limit that is passed
/// gives Failure(kTooLarge), the time budget Failure(kTimeout). Plain value.
struct DecodeLimits {
  std::uint64_t max_bytes = 512ull << 20;       ///< file, inflated data set, and one decoded frame; bytes
  std::uint64_t max_pixels = 80'000'000;        ///< Rows x Columns; the largest films have about 40 million
  std::uint64_t max_frames = 4096;              ///< Number of Frames
  std::uint32_t max_nesting = 64;               ///< sequences inside one another
  std::uint64_t max_elements = 200'000;         ///< elements and items at all depths
  std::uint64_t max_element_bytes = 16u << 20;  ///< longer values (other than Pixel Data) are not read at all
  std::chrono::milliseconds max_time{20'000};   ///< for opening, and again for each decoded frame

  friend bool operator==(const DecodeLimits&, const DecodeLimits&) = default;
};

/// A point in time after which work on one object ends. Our own loops and the codecs' read callbacks ask it;
/// a codec that is busy with bytes it already has is not interrupted, its work is bounded by the other limits.
class Deadline {
 public:
  explicit Deadline(std::chrono::milliseconds budget)
      : budget_(budget), end_(std::chrono::steady_clock::now() + budget) {}

  bool passed() const { return std::chrono::steady_clock::now() > end_; }
  /// Throws Failure(kTimeout) once the time is over.
  void check() const;

 private:
  std::chrono::milliseconds budget_;
  std::chrono::steady_clock::time_point end_;
};

}  // namespace chexworld
