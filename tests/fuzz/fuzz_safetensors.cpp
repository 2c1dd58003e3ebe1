// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a safetensors file: as tensors, as a bundle, as somebody's encoder.
#include "bundle/bundle.h"
#include "bundle/vit_import.h"
#include "fuzz/fuzz_support.h"

#include <cstdlib>
#include <cstring>

namespace {

using namespace chexworld;
using fuzz::touch;

std::string with_length(const std::string& header, std::size_t data_bytes) {
  const std::uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), sizeof length) + header + std::string(data_bytes, '\1');
}

/// A file with every tensor of an encoder of the least possible size, and the metadata that makes it a bundle.
std::string tiny_bundle() {
  BundleConfig config;
  config.encoder = {
      .image_size = 2, .patch_size = 1, .channels = 1, .width = 2, .depth = 1, .heads = 1, .mlp_width = 2};
  config.head = BundleHead{BundleHead::Kind::kLinear, false, {{"a", 0.5, 1, 0}}};
  Json header = Json::object();
  std::size_t offset = 0;
  const auto add = [&](const std::string& name, const std::vector<std::int64_t>& shape) {
    std::size_t bytes = 4;
    for (const std::int64_t extent : shape) bytes *= std::size_t(extent);
    header[name] = {{"dtype", "F32"}, {"shape", shape}, {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  };
  for (const auto& [name, shape] : encoder_tensors(config.encoder)) add("encoder." + name, shape);
  for (const auto& [name, shape] : head_tensors(*config.head, config.encoder.width)) add(name, shape);
  header["__metadata__"] = {{"chexworld.format", "1"}, {"chexworld.config", to_json(config).dump()}};
  return with_length(header.dump(), offset);
}

std::vector<std::string> seeds() {
  return {with_length("{}", 0), with_length(R"({"a":{"dtype":"F16","shape":[2,3],"data_offsets":[0,12]}})", 12),
          with_length(R"({"__metadata__":{"a":"b"},"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]}})", 1),
          tiny_bundle()};
}

void open_as_tensors(std::span<const std::byte> bytes) {
  const SafetensorsFile file = SafetensorsFile::from_bytes(bytes, "fuzz");
  for (const auto& [name, tensor] : file.tensors()) {
    if (reinterpret_cast<std::uintptr_t>(tensor.bytes.data()) % size_of(tensor.type) != 0) std::abort();
    touch(tensor.bytes);
  }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  fuzz::write_seeds_if_asked(*argc, *argv, seeds);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    open_as_tensors(bytes);
    const Bundle bundle(SafetensorsFile::from_bytes(bytes, "fuzz"));
    for (const auto& [name, tensor] : bundle.encoder()) touch(tensor.bytes);
  } catch (const Failure&) {  // the only exception that may come out
  }
  try {
    ImportOptions options;
    options.heads = 1;
    options.drop_class_token = true;
    const WeightSource source = weights_from_bytes(bytes, "fuzz");
    const ImportedModel model = import_vision_transformer(source, options);
    for (const auto& [name, tensor] : model.tensors) touch(tensor.bytes);
  } catch (const Failure&) {
  }
  return 0;
}
