// SPDX-License-Identifier: Apache-2.0
#include "bundle/bundle.h"

#include "base/failure.h"
#include "base/sha256.h"
#include "bundle/printable.h"

namespace chexworld {
namespace {

constexpr const char* kFormatKey = "chexworld.format";
constexpr const char* kConfigKey = "chexworld.config";
constexpr const char* kFormat = "1";
constexpr const char* kSelfTestInput = "selftest.input";
constexpr const char* kSelfTestEmbedding = "selftest.embedding";

bool is_real(DataType type) { return type == DataType::kF32 || type == DataType::kF16 || type == DataType::kBF16; }

ShapeMap announced_tensors(const BundleConfig& config) {
  ShapeMap shapes;
  for (auto& [name, shape] : encoder_tensors(config.encoder)) shapes["encoder." + name] = shape;
  if (!config.head) return shapes;
  shapes.merge(head_tensors(*config.head, config.encoder.width));
  if (config.head->kind == BundleHead::Kind::kNormLinear) {  // this head has its own norm in place of the encoder's
    shapes.erase("encoder.norm.weight");
    shapes.erase("encoder.norm.bias");
  }
  return shapes;
}

void check_self_test(const BundleConfig& config, const TensorMap& tensors) {
  const auto input = tensors.find(kSelfTestInput);
  const auto embedding = tensors.find(kSelfTestEmbedding);
  if (input == tensors.end() && embedding == tensors.end()) return;
  if (input == tensors.end() || embedding == tensors.end())
    fail(ErrorCode::kMalformed, "one of selftest.input and selftest.embedding is missing");
  const auto& in = input->second.shape;
  const auto& out = embedding->second.shape;
  const bool images = in.size() == 4 && in[1] == config.encoder.channels && in[2] == in[3] && in[2] > 0 &&
                      in[2] % config.encoder.patch_size == 0;
  const bool vectors = out.size() == 2 && images && out[0] == in[0] && in[0] > 0 && out[1] == config.encoder.width;
  if (!vectors || input->second.type != DataType::kF32 || embedding->second.type != DataType::kF32)
    fail(ErrorCode::kMalformed, "the self-test does not fit the encoder: selftest.input is " + shape_text(in) +
                                    ", selftest.embedding is " + shape_text(out));
}

bool is_of_decoder(const BundleConfig& config, const std::string& name) {
  return config.decoder && name.starts_with("decoder.");
}

/// Exactly the announced tensors, and perhaps a self-test. A decoder announces its kind only; names and shapes that go
/// with it are known where it is loaded.
void check_tensors(const BundleConfig& config, const TensorMap& tensors) {
  const ShapeMap announced = announced_tensors(config);
  for (const auto& [name, shape] : announced) {
    const auto found = tensors.find(name);
    if (found == tensors.end()) fail(ErrorCode::kMalformed, "tensor " + printable(name) + " is missing");
    if (found->second.shape != shape)
      fail(ErrorCode::kMalformed, "tensor " + printable(name) + " is " + shape_text(found->second.shape) +
                                      ", its configuration says " + shape_text(shape));
    if (!is_real(found->second.type))
      fail(ErrorCode::kMalformed, "tensor " + printable(name) + " is of type " +
                                      std::string(name_of(found->second.type)) + ", not F32, F16 or BF16");
  }
  for (const auto& [name, tensor] : tensors) {
    if (is_of_decoder(config, name)) {
      if (!is_real(tensor.type)) fail(ErrorCode::kMalformed, "tensor " + printable(name) + " holds no real numbers");
      continue;
    }
    if (!announced.contains(name) && name != kSelfTestInput && name != kSelfTestEmbedding)
      fail(ErrorCode::kMalformed, "tensor " + printable(name) + " belongs to nothing that the configuration announces");
  }
  check_self_test(config, tensors);
}

/// Blocks cost a few names each: more of them than tensors cannot be right, and need not be listed to see it.
void check_depth(const BundleConfig& config, const TensorMap& tensors) {
  if (std::uint64_t(config.encoder.depth) > tensors.size())
    fail(ErrorCode::kMalformed, "the configuration announces " + std::to_string(config.encoder.depth) +
                                    " blocks, the file has " + std::to_string(tensors.size()) + " tensors");
}

BundleConfig read_config(const SafetensorsFile& file) {
  const auto format = file.metadata().find(kFormatKey);
  const auto config = file.metadata().find(kConfigKey);
  if (format == file.metadata().end() || config == file.metadata().end())
    fail(
        ErrorCode::kMalformed,
        "is no bundle: its metadata lacks chexworld.format or chexworld.config (chexworld model import makes bundles)");
  if (format->second != kFormat)
    fail(ErrorCode::kUnsupported, "has bundle format " + printable(format->second) + ", this program reads '1'");
  BundleConfig parsed = parse_bundle_config(config->second);
  check_depth(parsed, file.tensors());
  check_tensors(parsed, file.tensors());
  return parsed;
}

std::int64_t parameter_count(const TensorMap& tensors) {
  std::int64_t count = 0;
  for (const auto& [name, tensor] : tensors) {
    if (!name.starts_with("selftest.")) count += tensor.element_count();
  }
  return count;
}

}  // namespace

Bundle::Bundle(SafetensorsFile file) : file_(std::move(file)) {
  config_ = within(file_.origin(), [&] { return read_config(file_); });
}

Bundle Bundle::open(const std::filesystem::path& path) { return Bundle(SafetensorsFile::open(path)); }

TensorMap Bundle::below(std::string_view prefix) const {
  TensorMap part;
  for (const auto& [name, tensor] : file_.tensors()) {
    if (name.starts_with(prefix)) part[name.substr(prefix.size())] = tensor;
  }
  return part;
}

TensorMap Bundle::head() const {
  TensorMap part;
  for (const auto& [name, tensor] : file_.tensors()) {
    if (name.starts_with("head.")) part[name] = tensor;
  }
  return part;
}

std::optional<Bundle::SelfTest> Bundle::self_test() const {
  if (!file_.has(kSelfTestInput)) return {};
  return SelfTest{file_.at(kSelfTestInput), file_.at(kSelfTestEmbedding)};
}

std::string Bundle::model_id() const { return to_hex(sha256(file_.bytes())); }

void write_bundle(const std::filesystem::path& path, const BundleConfig& config, const TensorMap& tensors) {
  const std::string text = to_json(config).dump(-1, ' ', false, Json::error_handler_t::replace);
  try {
    check_tensors(parse_bundle_config(text), tensors);
  } catch (const Failure& failure) {
    fail(ErrorCode::kInvalidArgument, "writing " + path.string() + ": " + failure.error().message());
  }
  write_safetensors(path, tensors, {{kFormatKey, kFormat}, {kConfigKey, text}});
}

Result<BundleInfo> inspect_bundle(const std::filesystem::path& path) {
  return capture([&] {
    const Bundle bundle = Bundle::open(path);
    const BundleConfig& config = bundle.config();
    BundleInfo info;
    info.model_id = bundle.model_id();
    info.architecture = architecture_name(config.encoder);
    info.image_size = config.encoder.image_size;
    info.patch_size = config.encoder.patch_size;
    info.width = config.encoder.width;
    info.depth = config.encoder.depth;
    info.heads = config.encoder.heads;
    info.parameters = parameter_count(bundle.file().tensors());
    info.head = config.head;
    info.domain = config.domain;
    info.has_self_test = bundle.self_test().has_value();
    info.licence = config.licence;
    info.config_json = bundle.file().metadata().at(kConfigKey);
    return info;
  });
}

}  // namespace chexworld
