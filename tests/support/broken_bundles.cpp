// SPDX-License-Identifier: Apache-2.0
#include "support/broken_bundles.h"

#include "base/file.h"
#include "support/temporary_folder.h"
#include "support/torch_file.h"

#include <functional>
#include <limits>

namespace chexworld::test {
namespace {

std::string bytes_of_file(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = read_file(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class Breaker {
 public:
  explicit Breaker(std::string active_id) : active_id_(std::move(active_id)) {}

  std::vector<BrokenBundle> all() {
    add_truncated();
    add_wrong_hashes();
    add_bad_numbers();
    add_wrong_shapes();
    add_other_files();
    return std::move(offers_);
  }

  std::string unbroken() { return written(good_); }

 private:
  std::string written(const RandomBundle& bundle) {
    bundle.write(folder_ / "made");
    return bytes_of_file(folder_ / "made");
  }

  /// The tensors of a good bundle after `spoil`, without the checks of write_bundle().
  std::string tensors(const std::function<void(RandomBundle&)>& spoil, const std::string& format = "1") {
    RandomBundle bundle = good_;
    spoil(bundle);
    TensorMap map;
    for (const auto& [name, values] : bundle.values)
      map[name] = {DataType::kF32, bundle.shape_of(name), std::as_bytes(std::span(values))};
    write_safetensors(folder_ / "made", map,
                      {{"chexworld.format", format}, {"chexworld.config", to_json(bundle.config).dump()}});
    return bytes_of_file(folder_ / "made");
  }

  void add_truncated() {
    const std::string whole = written(good_);
    for (const double part : {0.0, 0.0001, 0.001, 0.01, 0.1, 0.3, 0.5, 0.9, 0.99})
      offers_.push_back({"cut at " + std::to_string(part), whole.substr(0, std::size_t(part * double(whole.size())))});
    offers_.push_back({"one byte short", whole.substr(0, whole.size() - 1)});
    offers_.push_back({"one byte long", whole + "x"});
  }

  void add_wrong_hashes() {
    const std::string whole = written(good_);
    offers_.push_back({"wrong hash", whole, std::string(64, '0')});
    offers_.push_back({"the active model's hash", whole, active_id_});
    offers_.push_back({"no hash at all", whole, "latest"});
    std::string changed = whole;
    changed[changed.size() - 3] = char(changed[changed.size() - 3] ^ 1);
    offers_.push_back({"one bit changed", changed, inspect_bundle(folder_ / "made").value().model_id});
  }

  void add_bad_numbers() {
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity()}) {
      for (const char* name : {"encoder.pos_embed", "encoder.blocks.0.attn.qkv.weight", "encoder.norm.bias"}) {
        RandomBundle bundle = good_;
        bundle.values.at(name).front() = bad;
        offers_.push_back({"bad number in " + std::string(name), written(bundle)});
      }
    }
    RandomBundle lying = good_;
    const EncoderShape shape = small_shape();
    add_self_test(lying, random_images(shape, 1, 5), std::vector<float>(std::size_t(shape.width), 1.0F));
    offers_.push_back({"self-test not reproduced", written(lying)});
    RandomBundle loud = good_;
    for (float& value : loud.values.at("encoder.norm.weight")) value = 3e38F;
    for (float& value : loud.values.at("encoder.norm.bias")) value = 3e38F;
    offers_.push_back({"overflows", written(loud)});
  }

  void add_wrong_shapes() {
    for (const char* name :
         {"encoder.pos_embed", "encoder.patch_embed.proj.weight", "encoder.blocks.1.mlp.fc1.weight"}) {
      offers_.push_back({"flattened " + std::string(name), tensors([&](RandomBundle& bundle) {
                           bundle.shapes.at(name) = {std::int64_t(bundle.values.at(name).size())};
                         })});
      offers_.push_back({"missing " + std::string(name), tensors([&](RandomBundle& bundle) {
                           bundle.values.erase(name);
                           bundle.shapes.erase(name);
                         })});
      offers_.push_back({"renamed " + std::string(name), tensors([&](RandomBundle& bundle) {
                           bundle.values["encoder.surplus"] = bundle.values.at(name);
                           bundle.shapes["encoder.surplus"] = bundle.shapes.at(name);
                         })});
    }
    offers_.push_back({"another width", tensors([](RandomBundle& bundle) { bundle.config.encoder.width = 96; })});
    offers_.push_back({"another depth", tensors([](RandomBundle& bundle) { bundle.config.encoder.depth = 9; })});
    offers_.push_back({"a newer format", tensors([](RandomBundle&) {}, "2")});
    offers_.push_back({"a recipe for another size", tensors([](RandomBundle& bundle) {
                         bundle.config.preprocessing = {{"resize", 300}, {"crop", 300}};
                       })});
    offers_.push_back({"a recipe nobody knows",
                       tensors([](RandomBundle& bundle) { bundle.config.preprocessing = {{"sharpen", true}}; })});
  }

  void add_other_files() {
    offers_.push_back({"huge header", number_bytes(std::uint64_t(1) << 40, 8) + "{}"});
    offers_.push_back({"header as large as can be", number_bytes(~std::uint64_t(0), 8) + "{}"});
    offers_.push_back({"header is no JSON", number_bytes(4, 8) + "nope"});
    offers_.push_back({"deep JSON", number_bytes(100'000, 8) + std::string(100'000, '[')});
    const std::string code = pickle::whole(pickle::call(pickle::global("os", "system"), {pickle::text("true")}));
    offers_.push_back({"a .pth with code", torch_zip(code, {})});
    offers_.push_back({"a bare pickle with code", code});
    offers_.push_back({"text", "this is not a model\n"});
    offers_.push_back({"zeros", std::string(100'000, '\0')});
  }

  const std::string active_id_;
  const TemporaryFolder folder_;
  const RandomBundle good_{small_shape(), {}, 77};
  std::vector<BrokenBundle> offers_;
};

}  // namespace

std::vector<BrokenBundle> broken_bundles(const std::string& active_id) { return Breaker(active_id).all(); }

std::string unbroken_bundle() { return Breaker("").unbroken(); }

}  // namespace chexworld::test
