// SPDX-License-Identifier: Apache-2.0
#include "dicom/inflate.h"

#include "base/failure.h"

#include <algorithm>
#include <zlib.h>

namespace chexworld {
namespace {

constexpr std::size_t kFirstChunk = 1u << 20;
constexpr int kRawDeflate = -MAX_WBITS;

class Inflater {
 public:
  explicit Inflater(std::span<const std::byte> input) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(input.data()));
    stream_.avail_in = uInt(input.size());
    if (inflateInit2(&stream_, kRawDeflate) != Z_OK) fail(ErrorCode::kResourceExhausted, "no memory for inflating");
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Fills `output` as far as the stream goes; returns how much.
  std::size_t fill(std::span<std::byte> output) {
    stream_.next_out = reinterpret_cast<Bytef*>(output.data());
    stream_.avail_out = uInt(output.size());
    const int status = inflate(&stream_, Z_NO_FLUSH);
    done_ = status == Z_STREAM_END;
    const std::size_t written = output.size() - stream_.avail_out;
    if (status == Z_BUF_ERROR || (status == Z_OK && written == 0)) {
      fail(ErrorCode::kMalformed, "the deflated data set ends before its end mark");
    }
    if (status != Z_OK && status != Z_STREAM_END) {
      fail(ErrorCode::kMalformed,
           "the deflated data set is damaged near compressed byte " + std::to_string(stream_.total_in));
    }
    return written;
  }
  bool done() const { return done_; }

 private:
  z_stream stream_{};
  bool done_ = false;
};

}  // namespace

std::vector<std::byte> inflate_dataset(std::span<const std::byte> deflated, const DecodeLimits& limits,
                                       const Deadline& deadline) {
  Inflater inflater(deflated);
  std::vector<std::byte> dataset;
  std::size_t used = 0;
  while (!inflater.done()) {
    deadline.check();
    if (used == limits.max_bytes) {
      fail(ErrorCode::kTooLarge,
           "the deflated data set inflates to more than " + std::to_string(limits.max_bytes) + " bytes");
    }
    if (used == dataset.size()) {
      dataset.resize(std::size_t(std::min<std::uint64_t>(limits.max_bytes, std::max(kFirstChunk, used + used / 2))));
    }
    used += inflater.fill(std::span(dataset).subspan(used, std::min<std::size_t>(dataset.size() - used, 1u << 24)));
  }
  dataset.resize(used);
  return dataset;
}

}  // namespace chexworld
