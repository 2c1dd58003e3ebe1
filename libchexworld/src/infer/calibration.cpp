// SPDX-License-Identifier: Apache-2.0
#include "infer/calibration.h"

#include "base/failure.h"
#include "bundle/convert.h"
#include "bundle/printable.h"
#include "infer/kernels.h"

#include <functional>
#include <span>

namespace chexworld {
namespace {

constexpr const char* kFormatKey = "chexworld.calibration";
constexpr const char* kFormat = "2";
constexpr const char* kChoice = "int8";

using Visit = std::function<void(const std::string& name, std::vector<float>& values, std::int64_t width)>;

/// Every vector of a calibration, with its name and length.
void visit(Calibration& calibration, const EncoderShape& shape, const Visit& each) {
  for (std::size_t i = 0; i < calibration.size(); ++i) {
    const std::string block = "block." + std::to_string(i) + ".";
    const auto all = [&](const std::string& stage, ChannelStatistics& statistics, std::int64_t channels) {
      each(block + stage + ".least", statistics.least, channels);
      each(block + stage + ".most", statistics.most, channels);
      each(block + stage + ".mean", statistics.mean, channels);
    };
    all("attention_input", calibration[i].attention_input, shape.width);
    all("attention_output", calibration[i].attention_output, shape.width);
    all("mlp_input", calibration[i].mlp_input, shape.width);
    all("mlp_hidden", calibration[i].mlp_hidden, shape.mlp_width);
  }
}

[[noreturn]] void malformed(const SafetensorsFile& file, const std::string& what) {
  fail(ErrorCode::kMalformed, file.origin() + ": " + what);
}

TensorView expected(const SafetensorsFile& file, const std::string& name, const std::vector<std::int64_t>& shape) {
  if (!file.has(name) || file.at(name).shape != shape)
    malformed(file, printable(name) + " is missing or not " + shape_text(shape) + ": calibrated for another encoder");
  return file.at(name);
}

void require_ordered(const SafetensorsFile& file, const ChannelStatistics& statistics) {
  for (std::size_t i = 0; i < statistics.least.size(); ++i) {
    if (statistics.least[i] > statistics.most[i]) malformed(file, "a range ends before it begins");
  }
}

void require_ordered(const SafetensorsFile& file, const Calibration& calibration) {
  for (const BlockStatistics& block : calibration) {
    require_ordered(file, block.attention_input);
    require_ordered(file, block.attention_output);
    require_ordered(file, block.mlp_input);
    require_ordered(file, block.mlp_hidden);
  }
}

Int8Choice choice_of(const TensorView& tensor) {
  Int8Choice choice(std::size_t(tensor.shape[0]));
  const auto flag = [&](std::size_t i) { return tensor.bytes[i] != std::byte{0}; };
  for (std::size_t i = 0; i < choice.size(); ++i) choice[i] = {flag(2 * i), flag(2 * i + 1)};
  return choice;
}

}  // namespace

void write_calibration(const std::filesystem::path& path, const StoredCalibration& calibration) {
  Calibration statistics = calibration.statistics;
  TensorMap tensors;
  visit(statistics, {}, [&](const std::string& name, std::vector<float>& values, std::int64_t) {
    tensors[name] = {DataType::kF32, {std::int64_t(values.size())}, std::as_bytes(std::span(values))};
  });
  std::vector<std::uint8_t> flags;
  for (const BlockInt8& block : calibration.int8) flags.insert(flags.end(), {block.attention, block.mlp});
  tensors[kChoice] = {DataType::kU8, {std::int64_t(calibration.int8.size()), 2}, std::as_bytes(std::span(flags))};
  write_safetensors(path, tensors, {{kFormatKey, kFormat}});
}

StoredCalibration read_calibration(const std::filesystem::path& path, const EncoderShape& shape) {
  const SafetensorsFile file = SafetensorsFile::open(path);
  const auto format = file.metadata().find(kFormatKey);
  if (format == file.metadata().end() || format->second != kFormat)
    malformed(file, "is no calibration of this version (Engine::save_calibration makes them)");
  StoredCalibration calibration;
  calibration.statistics.resize(std::size_t(shape.depth));
  visit(calibration.statistics, shape, [&](const std::string& name, std::vector<float>& values, std::int64_t width) {
    values = to_floats(expected(file, name, {width}));
    if (!all_finite(values.data(), values.size())) malformed(file, printable(name) + " has values that are not finite");
  });
  require_ordered(file, calibration.statistics);
  const TensorView choice = expected(file, kChoice, {shape.depth, 2});
  if (size_of(choice.type) != 1) malformed(file, "int8 must be of type U8");
  calibration.int8 = choice_of(choice);
  return calibration;
}

}  // namespace chexworld
