// SPDX-License-Identifier: Apache-2.0
#include "bundle/encoder_search.h"

#include "base/failure.h"
#include "bundle/printable.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace chexworld {
namespace {

using Component = ImportOptions::Component;
constexpr std::string_view kKernel = "patch_embed.proj.weight";

bool has_part(const std::string& prefix, const std::string& part) {
  return ("." + prefix).find("." + part + ".") != std::string::npos;
}

bool is_target(const std::string& prefix) { return has_part(prefix, "target_encoder"); }
bool is_context(const std::string& prefix) {
  return has_part(prefix, "encoder") || has_part(prefix, "context_encoder");
}

std::vector<std::string> prefixes_of(const WeightSource& source) {
  std::vector<std::string> prefixes;
  for (const auto& [name, tensor] : source.tensors) {
    if (!name.ends_with(kKernel)) continue;
    std::string prefix = name.substr(0, name.size() - kKernel.size());
    if (prefix.empty() || prefix.back() == '.') prefixes.push_back(std::move(prefix));
  }
  return prefixes;
}

std::string listed(const std::vector<std::string>& prefixes) {
  std::string text;
  for (const std::string& prefix : prefixes)
    text += (text.empty() ? "" : ", ") + printable(prefix.empty() ? "(top)" : prefix.substr(0, prefix.size() - 1));
  return text;
}

[[noreturn]] void fail_without_encoder(const WeightSource& source) {
  for (const SkippedValue& value : source.skipped) {
    if (value.holds_tensors)
      fail(ErrorCode::kUnsupported, "the tensors are inside of " + printable(value.name) + ", an object of type " +
                                        printable(value.what) +
                                        " that is not made here: save its state_dict() instead");
  }
  fail(ErrorCode::kUnsupported, "has no vision transformer: none of its " + std::to_string(source.tensors.size()) +
                                    " tensors is named ...patch_embed.proj.weight");
}

const std::vector<std::int64_t>& shape_of(const WeightSource& source, const std::string& name) {
  const auto found = source.tensors.find(name);
  if (found == source.tensors.end()) fail(ErrorCode::kMalformed, "tensor " + printable(name) + " is missing");
  return found->second.shape;
}

/// The number of "blocks.I." below a prefix, which must be 0 to depth - 1.
std::int64_t count_blocks(const WeightSource& source, const std::string& prefix) {
  const std::string blocks = prefix + "blocks.";
  std::vector<std::int64_t> indices;
  for (auto at = source.tensors.lower_bound(blocks); at != source.tensors.end() && at->first.starts_with(blocks);
       ++at) {
    std::int64_t index = -1;
    const char* begin = at->first.data() + blocks.size();
    const auto [end, error] = std::from_chars(begin, at->first.data() + at->first.size(), index);
    if (error != std::errc{} || index < 0 || *end != '.')
      fail(ErrorCode::kUnsupported, "tensor " + printable(at->first) + " is not part of a plain vision transformer");
    indices.push_back(index);
  }
  std::ranges::sort(indices);
  indices.erase(std::unique(indices.begin(), indices.end()), indices.end());
  if (indices.empty() || indices.back() + 1 != std::int64_t(indices.size()))
    fail(ErrorCode::kMalformed, "the blocks below " + printable(blocks) + " are not numbered from 0 without a gap");
  return std::int64_t(indices.size());
}

std::int64_t grid_side(const std::vector<std::int64_t>& table) {
  const std::int64_t patches = table[table.size() - 2] - leading_rows(table);
  return std::llround(std::sqrt(double(patches)));
}

bool is_square(std::int64_t number) {
  const auto root = std::llround(std::sqrt(double(number)));
  return number > 0 && root * root == number;
}

constexpr std::int64_t kLargest = 1 << 16;

void require_sane(const EncoderShape& shape) {
  for (const std::int64_t number : {shape.width, shape.channels, shape.patch_size, shape.mlp_width, shape.image_size}) {
    if (number < 1 || number > kLargest)
      fail(ErrorCode::kUnsupported, "an encoder with a size of " + std::to_string(number) + " is not possible");
  }
}

void choose_heads(EncoderShape& shape, const ImportOptions& options) {
  shape.heads = options.heads != 0 ? options.heads : usual_heads(shape.width);
  if (shape.heads == 0)
    fail(ErrorCode::kInvalidArgument, "a width of " + std::to_string(shape.width) +
                                          " does not tell the number of attention heads: give it with --num-heads");
  if (shape.heads < 0 || shape.width % shape.heads != 0)
    fail(ErrorCode::kInvalidArgument,
         std::to_string(shape.heads) + " heads do not divide the width of " + std::to_string(shape.width));
}

void require_architecture(const EncoderShape& shape, const std::string& name) {
  const EncoderShape wanted = named_architecture(name);
  if (wanted.width != shape.width || wanted.depth != shape.depth || wanted.mlp_width != shape.mlp_width)
    fail(ErrorCode::kInvalidArgument, "the encoder is not a " + name + ": its width is " + std::to_string(shape.width) +
                                          ", its depth " + std::to_string(shape.depth) + ", its MLP width " +
                                          std::to_string(shape.mlp_width));
}

}  // namespace

std::string find_encoder(const WeightSource& source, Component component) {
  const std::vector<std::string> all = prefixes_of(source);
  if (all.empty()) fail_without_encoder(source);
  std::vector<std::string> chosen;
  if (component != Component::kContext) std::ranges::copy_if(all, std::back_inserter(chosen), is_target);
  if (component == Component::kContext)
    std::ranges::copy_if(all, std::back_inserter(chosen), [](const auto& p) { return is_context(p) && !is_target(p); });
  if (component == Component::kAutomatic && chosen.empty()) chosen = all;
  if (chosen.empty())
    fail(ErrorCode::kInvalidArgument, std::string("has no ") +
                                          (component == Component::kTarget ? "target" : "context") +
                                          " encoder; there is " + listed(all));
  if (chosen.size() > 1)
    fail(ErrorCode::kInvalidArgument, "has several encoders: " + listed(chosen) +
                                          "; choose with --target-encoder or --context-encoder, or save one of them");
  return chosen.front();
}

std::int64_t leading_rows(const std::vector<std::int64_t>& table) {
  const bool fits = (table.size() == 3 && table[0] == 1) || table.size() == 2;
  if (fits && is_square(table[table.size() - 2])) return 0;
  if (fits && is_square(table[table.size() - 2] - 1)) return 1;
  fail(ErrorCode::kUnsupported, "a position table of shape " + shape_text(table) + " belongs to no square grid");
}

EncoderShape infer_encoder_shape(const WeightSource& source, const std::string& prefix, const ImportOptions& options) {
  const auto kernel = shape_of(source, prefix + std::string(kKernel));
  if (kernel.size() != 4 || kernel[2] != kernel[3] || std::ranges::any_of(kernel, [](auto n) { return n <= 0; }))
    fail(ErrorCode::kUnsupported, "a patch kernel of shape " + shape_text(kernel) + " is not [D, C, P, P]");
  const auto fc1 = shape_of(source, prefix + "blocks.0.mlp.fc1.weight");
  if (fc1.size() != 2) fail(ErrorCode::kMalformed, "tensor 'blocks.0.mlp.fc1.weight' is " + shape_text(fc1));
  EncoderShape shape;
  shape.width = kernel[0];
  shape.channels = kernel[1];
  shape.patch_size = kernel[2];
  shape.depth = count_blocks(source, prefix);
  shape.mlp_width = fc1[0];
  shape.qkv_bias = source.tensors.contains(prefix + "blocks.0.attn.qkv.bias");
  const std::int64_t side = grid_side(shape_of(source, prefix + "pos_embed"));
  shape.image_size = side <= kLargest && shape.patch_size <= kLargest ? shape.patch_size * side : 0;
  require_sane(shape);
  if (!options.architecture.empty()) {
    require_architecture(shape, options.architecture);
    shape.heads = named_architecture(options.architecture).heads;
    if (options.heads != 0 && options.heads != shape.heads)
      fail(ErrorCode::kInvalidArgument, options.architecture + " has " + std::to_string(shape.heads) + " heads, not " +
                                            std::to_string(options.heads));
  } else {
    choose_heads(shape, options);
  }
  return shape;
}

}  // namespace chexworld
