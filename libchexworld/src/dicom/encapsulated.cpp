// SPDX-License-Identifier: Apache-2.0
#include "dicom/encapsulated.h"

#include "base/failure.h"
#include "dicom/byte_order.h"

#include <algorithm>
#include <optional>

namespace chexworld {
namespace {

/// Index of the first fragment of every frame.
using FrameStarts = std::vector<std::size_t>;

constexpr std::size_t kItemHeader = 8;

/// Offsets count from the item tag of the first fragment.
std::optional<FrameStarts> starts_by_offset_table(const PixelDataLocation& location, std::span<const std::byte> dataset,
                                                  std::size_t frames) {
  if (location.offset_table.length != 4 * frames) return std::nullopt;
  FrameStarts starts;
  for (std::size_t i = 0; i < frames; ++i) {
    const std::uint64_t offset = load_le32(&dataset[location.offset_table.offset + 4 * i]);
    const std::uint64_t value = location.fragments.front().offset - kItemHeader + offset + kItemHeader;
    const auto fragment = std::find_if(location.fragments.begin(), location.fragments.end(),
                                       [&](const ByteRange& range) { return range.offset == value; });
    const auto index = std::size_t(fragment - location.fragments.begin());
    if (fragment == location.fragments.end() || (!starts.empty() && index <= starts.back())) return std::nullopt;
    starts.push_back(index);
  }
  if (starts.front() != 0) return std::nullopt;
  return starts;
}

bool begins_stream(std::span<const std::byte> fragment) {
  if (fragment.size() < 4 || fragment[0] != std::byte{0xff}) return false;
  return fragment[1] == std::byte{0xd8} || (fragment[1] == std::byte{0x4f} && fragment[3] == std::byte{0x51});
}

std::optional<FrameStarts> starts_by_content(const PixelDataLocation& location, std::span<const std::byte> dataset,
                                             std::size_t frames) {
  FrameStarts starts;
  for (std::size_t i = 0; i < location.fragments.size(); ++i) {
    if (begins_stream(dataset.subspan(location.fragments[i].offset, location.fragments[i].length))) starts.push_back(i);
  }
  if (starts.size() != frames || starts.front() != 0) return std::nullopt;
  return starts;
}

FrameStarts frame_starts(const PixelDataLocation& location, std::span<const std::byte> dataset, std::size_t frames) {
  if (location.fragments.size() < frames) {
    fail(ErrorCode::kMalformed, "compressed Pixel Data (7fe0,0010) has " + std::to_string(location.fragments.size()) +
                                    " fragments for " + std::to_string(frames) + " frames");
  }
  if (frames == 1) return {0};
  if (location.fragments.size() == frames) {
    FrameStarts each(frames);
    for (std::size_t i = 0; i < frames; ++i) each[i] = i;
    return each;
  }
  if (auto starts = starts_by_offset_table(location, dataset, frames)) return *starts;
  if (auto starts = starts_by_content(location, dataset, frames)) return *starts;
  fail(ErrorCode::kMalformed, "it cannot be told which fragments of Pixel Data (7fe0,0010) belong to which frame");
}

}  // namespace

FrameBytes encapsulated_frame(const DicomFile& file, int frame, int frames) {
  const PixelDataLocation& location = file.pixel_data();
  const std::span<const std::byte> dataset = file.dataset_bytes();
  const FrameStarts starts = frame_starts(location, dataset, std::size_t(frames));
  const std::size_t first = starts[std::size_t(frame)];
  const std::size_t last =
      std::size_t(frame) + 1 < starts.size() ? starts[std::size_t(frame) + 1] : location.fragments.size();
  if (last - first == 1) {
    return FrameBytes(dataset.subspan(location.fragments[first].offset, location.fragments[first].length));
  }
  std::vector<std::byte> joined;
  for (std::size_t i = first; i < last; ++i) {
    const auto fragment = dataset.subspan(location.fragments[i].offset, location.fragments[i].length);
    joined.insert(joined.end(), fragment.begin(), fragment.end());
  }
  return FrameBytes(std::move(joined));
}

}  // namespace chexworld
