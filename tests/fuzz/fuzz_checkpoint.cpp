// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a torch checkpoint. An input that begins with 1 or 2 is a bare pickle, which is put into a zip with
// right checksums or into the stream format with storages that fit; everything else is a whole file. The mutator
// repairs the checksums of zips, without which nearly every mutation would end at the first of them.
#include "bundle/byte_reader.h"
#include "bundle/crc32.h"
#include "bundle/vit_import.h"
#include "fuzz/fuzz_support.h"
#include "support/torch_file.h"

#include <cstdlib>
#include <cstring>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t largest);

namespace {

using namespace chexworld;
using fuzz::touch;
using namespace chexworld::test::pickle;

const std::vector<test::TorchStorage> kStorages{{"0", std::string(96, '\1')}, {"1", std::string(8, '\2')}};

// ---- seeds -------------------------------------------------------------------------------------------------

std::string tiny_model() {
  const EncoderShape shape{
      .image_size = 2, .patch_size = 1, .channels = 1, .width = 2, .depth = 1, .heads = 1, .mlp_width = 2};
  std::vector<std::pair<std::string, std::string>> items;
  const std::string floats = storage("FloatStorage", "0", 24);
  for (const auto& [name, extents] : encoder_tensors(shape)) {
    std::vector<std::int64_t> strides(extents.size(), 0);
    items.emplace_back("module." + name, tensor(floats, 0, extents, strides));
  }
  return whole(dictionary({{"model", dictionary(items)}, {"epoch", integer(3)}}));
}

std::string small_pickle() {
  const std::string floats = storage("FloatStorage", "0", 24);
  const std::string halves = storage("HalfStorage", "1", 4);
  const std::string ordered = call(global("collections", "OrderedDict"), {}) + "(" + text("w") +
                              tensor(floats, 1, {2, 2}, {3, 1}) + "u" + dictionary({{"_metadata", none()}}) + "b";
  return whole(dictionary(
      {{"model", ordered},
       {"b", call(global("torch._utils", "_rebuild_parameter"), {tensor(halves, 0, {4}, {1}), boolean(true), none()})},
       {"list", list({integer(1), integer(1ll << 40), text("x"), tuple({})})},
       {"args", global("argparse", "Namespace") + tuple({}) + "\x81" + dictionary({}) + "b"}}));
}

std::vector<std::string> seeds() {
  std::vector<std::string> all;
  for (const std::string& pickle : {small_pickle(), tiny_model()}) {
    all.push_back("\1" + pickle);
    all.push_back("\2" + pickle);
    all.push_back(test::torch_zip(pickle, kStorages));
    all.push_back(test::legacy_parts(pickle, kStorages).joined());
  }
  return all;
}

// ---- repairing zips ------------------------------------------------------------------------------------------

template <class Number>
Number number_at(std::span<const std::uint8_t> bytes, std::size_t at) {
  Number value{};
  if (at <= bytes.size() && sizeof value <= bytes.size() - at) std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

void put(std::span<std::uint8_t> bytes, std::size_t at, std::uint32_t value) {
  if (at <= bytes.size() && sizeof value <= bytes.size() - at) std::memcpy(bytes.data() + at, &value, sizeof value);
}

/// Writes the right checksum of the member that the central header at `central` describes, in all its places.
void repair_member(std::span<std::uint8_t> file, std::size_t central) {
  const auto size = number_at<std::uint32_t>(file, central + 20);
  const auto local = number_at<std::uint32_t>(file, central + 42);
  const std::size_t begin = std::size_t(local) + 30 + number_at<std::uint16_t>(file, std::size_t(local) + 26) +
                            number_at<std::uint16_t>(file, std::size_t(local) + 28);
  if (begin > file.size() || size > file.size() - begin) return;
  const std::uint32_t crc = crc32(std::as_bytes(file.subspan(begin, size)));
  put(file, central + 16, crc);
  if (number_at<std::uint32_t>(file, std::size_t(local) + 14) != 0) put(file, std::size_t(local) + 14, crc);
  if (number_at<std::uint32_t>(file, begin + size) == 0x08074b50) put(file, begin + size + 4, crc);
}

void repair_zip(std::span<std::uint8_t> file) {
  if (file.size() < 22) return;
  std::size_t central = number_at<std::uint32_t>(file, file.size() - 6);
  while (number_at<std::uint32_t>(file, central) == 0x02014b50) {
    repair_member(file, central);
    central += std::size_t(46) + number_at<std::uint16_t>(file, central + 28) +
               number_at<std::uint16_t>(file, central + 30) + number_at<std::uint16_t>(file, central + 32);
  }
}

// ---- one input -------------------------------------------------------------------------------------------------

void read_all(std::string_view file) {
  const auto bytes = std::as_bytes(std::span(file));
  CheckpointLimits limits;
  limits.copied_bytes = 64 << 20;
  limits.values = 100'000;
  try {
    Checkpoint checkpoint = Checkpoint::from_bytes(bytes, "fuzz", limits);
    for (const CheckpointTensor& tensor : checkpoint.tensors()) {
      const TensorView view = checkpoint.view(tensor);
      if (reinterpret_cast<std::uintptr_t>(view.bytes.data()) % size_of(view.type) != 0) std::abort();
      if (view.bytes.size() != std::size_t(view.element_count()) * size_of(view.type)) std::abort();
      touch(view.bytes);
    }
  } catch (const Failure&) {  // the only exception that may come out
  }
  try {
    ImportOptions options;
    options.heads = 1;
    options.drop_class_token = true;
    const WeightSource source = weights_from_bytes(bytes, "fuzz", limits);
    const ImportedModel model = import_vision_transformer(source, options);
    for (const auto& [name, tensor] : model.tensors) touch(tensor.bytes);
  } catch (const Failure&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  fuzz::write_seeds_if_asked(*argc, *argv, seeds);
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t largest,
                                               unsigned seed) {
  const std::size_t mutated = LLVMFuzzerMutate(data, size, largest);
  if (seed % 4 != 0) repair_zip({data, mutated});  // now and then a wrong checksum may stay
  return mutated;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.starts_with('\1'))
    read_all(test::torch_zip(std::string(input.substr(1)), kStorages));
  else if (input.starts_with('\2'))
    read_all(test::legacy_parts(std::string(input.substr(1)), kStorages).joined());
  else
    read_all(input);
  return 0;
}
