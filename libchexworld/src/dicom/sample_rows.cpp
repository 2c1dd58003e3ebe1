// SPDX-License-Identifier: Apache-2.0
#include "dicom/sample_rows.h"

#include "base/failure.h"
#include "dicom/byte_order.h"

#include <algorithm>
#include <cstring>

namespace chexworld {
namespace {

/// What turns a sample into a stored value.
struct StoredRule {
  int shift = 0;
  std::uint16_t mask = 0xffff;
  std::uint16_t sign = 0;  // the sign bit; 0 where unsigned
  bool clamp = false;
  std::int32_t least = 0, most = 0;  // of signed 32-bit samples
};

StoredRule rule_of(const RawFrame& frame, const PixelModule& module, bool lossy) {
  StoredRule rule;
  // A stream of fewer bits than the cell has its lowest bit at bit 0.
  const int unused = std::max(0, frame.precision - module.bits_stored);
  rule.shift = std::min(module.high_bit + 1 - module.bits_stored, unused);
  rule.mask = std::uint16_t((1u << module.bits_stored) - 1);
  if (module.is_signed) rule.sign = std::uint16_t(1u << (module.bits_stored - 1));
  rule.clamp = lossy && rule.shift == 0 && !module.is_signed;
  rule.most = module.is_signed ? rule.sign - 1 : rule.mask;
  rule.least = module.is_signed ? -std::int32_t(rule.sign) : 0;
  return rule;
}

std::uint16_t extended(std::uint32_t value, const StoredRule& rule) {
  const std::uint32_t masked = value & rule.mask;
  return std::uint16_t((masked ^ rule.sign) - rule.sign);
}

/// `load` gives sample x as an unsigned number.
template <class Load>
void convert_row(int columns, const StoredRule& rule, std::uint16_t* row, Load load) {
  if (rule.clamp) {
    for (int x = 0; x < columns; ++x) row[x] = std::uint16_t(std::min<std::uint32_t>(load(x), rule.mask));
  } else {
    for (int x = 0; x < columns; ++x) row[x] = extended(std::uint32_t(load(x)) >> rule.shift, rule);
  }
}

/// Decoders of 32-bit samples know the sign; lossy ones may overshoot.
void convert_wide_row(int columns, const StoredRule& rule, bool clamp, const std::byte* p, std::uint16_t* row) {
  for (int x = 0; x < columns; ++x) {
    std::int32_t value;
    std::memcpy(&value, p + 4 * std::size_t(x), 4);
    if (clamp) value = std::clamp(value, rule.least, rule.most);
    row[x] = extended(std::uint32_t(value >> rule.shift), rule);
  }
}

void copy_row(const std::byte* p, int columns, std::uint16_t* row) { std::memcpy(row, p, std::size_t(columns) * 2); }

/// Sample (y, x) of one component, for the kinds of samples that are not on the fast way.
class SampleReader {
 public:
  SampleReader(const RawFrame& frame, int component) : frame_(frame), start_(frame.component[std::size_t(component)]) {}

  std::int32_t at(int y, int x) const {
    const std::byte* p = start_ + std::size_t(y) * frame_.row_stride;
    p += frame_.shared_chroma ? std::size_t(x / 2) * 4 + std::size_t(x % 2) : std::size_t(x) * frame_.pixel_stride;
    if (frame_.sample_bytes == 1) return std::int32_t(*p);
    if (frame_.sample_bytes == 2) return frame_.big_endian ? load_be16(p) : load_le16(p);
    std::int32_t wide;
    std::memcpy(&wide, p, 4);
    return wide;
  }

 private:
  const RawFrame& frame_;
  const std::byte* start_;
};

}  // namespace

RowSource stored_values(const RawFrame& frame, const PixelModule& module, bool lossy) {
  const StoredRule rule = rule_of(frame, module, lossy);
  const bool as_it_is = rule.mask == 0xffff && rule.shift == 0;  // 16 bits stored
  RowSource source{
      .rows = frame.rows, .columns = frame.columns, .is_signed = module.is_signed, .bits_stored = module.bits_stored};
  source.read = [&frame, rule, lossy, as_it_is](int y, std::uint16_t* row) {
    const std::byte* p = frame.component[0] + std::size_t(y) * frame.row_stride;
    if (frame.sample_bytes == 4) {
      convert_wide_row(frame.columns, rule, lossy, p, row);
    } else if (frame.sample_bytes == 1) {
      convert_row(frame.columns, rule, row, [p](int x) { return std::uint32_t(p[x]); });
    } else if (frame.big_endian) {
      convert_row(frame.columns, rule, row, [p](int x) { return std::uint32_t(load_be16(p + 2 * std::size_t(x))); });
    } else {
      copy_row(p, frame.columns, row);
      if (!as_it_is) convert_row(frame.columns, rule, row, [row](int x) { return std::uint32_t(row[x]); });
    }
  };
  return source;
}

RowSource luma(const RawFrame& frame, const PixelModule& module, bool components_are_rgb) {
  const int shift = std::max(0, std::min(frame.precision, module.bits_stored) - 8);
  const auto to_byte = [shift](std::int32_t value) { return std::clamp(value >> shift, 0, 255); };
  RowSource source{.rows = frame.rows, .columns = frame.columns, .bits_stored = 8};
  if (!components_are_rgb || frame.components < 3) {
    source.read = [&frame, to_byte](int y, std::uint16_t* row) {
      const SampleReader sample(frame, 0);
      for (int x = 0; x < frame.columns; ++x) row[x] = std::uint16_t(to_byte(sample.at(y, x)));
    };
    return source;
  }
  source.read = [&frame, to_byte](int y, std::uint16_t* row) {
    const SampleReader red(frame, 0), green(frame, 1), blue(frame, 2);
    for (int x = 0; x < frame.columns; ++x) {
      const int weighted = 299 * to_byte(red.at(y, x)) + 587 * to_byte(green.at(y, x)) + 114 * to_byte(blue.at(y, x));
      row[x] = std::uint16_t((weighted + 500) / 1000);
    }
  };
  return source;
}

RowSource looked_up(RowSource indices, std::vector<std::uint8_t> table) {
  RowSource source{.rows = indices.rows, .columns = indices.columns, .bits_stored = 8};
  source.read = [indices = std::move(indices), table = std::move(table)](int y, std::uint16_t* row) {
    indices.read(y, row);
    for (int x = 0; x < indices.columns; ++x) row[x] = table[std::min<std::size_t>(row[x], table.size() - 1)];
  };
  return source;
}

namespace {

/// Adds a row to the sums; `bias` makes signed values unsigned.
void add_row(const std::uint16_t* row, int columns, std::uint16_t bias, std::uint32_t* sums) {
  for (int x = 0; x < columns; ++x) sums[x] += std::uint16_t(row[x] ^ bias);
}

/// The mean of each `factor` sums over `height` rows.
void write_means(const std::vector<std::uint32_t>& sums, int factor, int height, std::uint16_t bias,
                 std::uint16_t* out) {
  const int columns = int(sums.size());
  for (int x = 0; x < columns; x += factor) {
    const int width = std::min(factor, columns - x);
    std::uint64_t sum = 0;
    for (int i = 0; i < width; ++i) sum += sums[std::size_t(x + i)];
    const auto count = std::uint64_t(width) * std::uint64_t(height);
    *out++ = std::uint16_t(((sum + count / 2) / count) ^ bias);
  }
}

}  // namespace

StoredPixels area_mean(const RowSource& source, int factor, const Deadline& deadline) {
  if (factor < 1 || factor > 256) fail(ErrorCode::kInvalidArgument, "area_mean: the factor must be 1 to 256");
  StoredPixels result{.rows = (source.rows + factor - 1) / factor,
                      .columns = (source.columns + factor - 1) / factor,
                      .bits_stored = source.bits_stored,
                      .is_signed = source.is_signed,
                      .samples = {}};
  result.samples.resize(std::size_t(result.rows) * std::size_t(result.columns));
  std::uint16_t* out = result.samples.data();
  const std::uint16_t bias = source.is_signed ? 0x8000 : 0;
  std::vector<std::uint16_t> row(std::size_t(source.columns));
  std::vector<std::uint32_t> sums(std::size_t(source.columns));
  for (int y = 0; y < source.rows; y += factor, out += result.columns) {
    deadline.check();
    if (factor == 1) {
      source.read(y, out);
      continue;
    }
    const int height = std::min(factor, source.rows - y);
    std::fill(sums.begin(), sums.end(), 0u);
    for (int i = 0; i < height; ++i) {
      source.read(y + i, row.data());
      add_row(row.data(), source.columns, bias, sums.data());
    }
    write_means(sums, factor, height, bias, out);
  }
  return result;
}

}  // namespace chexworld
