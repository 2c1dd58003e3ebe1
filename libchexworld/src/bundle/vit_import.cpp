// SPDX-License-Identifier: Apache-2.0
#include "bundle/vit_import.h"

#include "base/failure.h"
#include "bundle/convert.h"
#include "bundle/encoder_search.h"
#include "bundle/printable.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

namespace chexworld {
namespace {

using Kind = BundleHead::Kind;

const std::set<std::string, std::less<>> kClassTokens{"cls_token", "dist_token"};
/// First parts of names that decide what an encoder computes: one of these left over means another kind of model.
const std::set<std::string, std::less<>> kEncoderParts{
    "blocks",     "patch_embed",  "pos_embed",       "norm",       "norm_pre", "cls_token", "dist_token",
    "reg_token",  "reg_tokens",   "register_tokens", "mask_token", "fc_norm",  "layers",    "rope",
    "rope_embed", "rel_pos_bias", "attn_pool"};

std::string first_part(std::string_view name) { return std::string(name.substr(0, name.find('.'))); }

class Import {
 public:
  Import(const WeightSource& source, const ImportOptions& options) : source_(source), options_(options) {}

  ImportedModel run() {
    prefix_ = find_encoder(source_, options_.component);
    model_.component = prefix_.empty() ? "" : prefix_.substr(0, prefix_.size() - 1);
    model_.encoder = infer_encoder_shape(source_, prefix_, options_);
    check_skipped();
    check_tokens();
    take_head();
    take_encoder();
    check_rest();
    return std::move(model_);
  }

 private:
  /// Something within the encoder that was not read: refuse, and say what.
  void check_skipped() {
    for (const SkippedValue& value : source_.skipped) {
      if (!value.name.starts_with(prefix_)) continue;
      const std::string local = value.name.substr(prefix_.size());
      if (local.ends_with("_extra_state")) continue;
      if (kEncoderParts.contains(first_part(local)) || (!prefix_.empty() && value.holds_tensors))
        fail(ErrorCode::kUnsupported, "value " + printable(value.name) + " would have to be made by " +
                                          printable(value.what) + ", which is not done here; save plain tensors");
    }
  }

  void check_tokens() {
    const auto& table = source_.tensors.at(prefix_ + "pos_embed").shape;
    const bool row = leading_rows(table) == 1;
    bool token = false;
    for (const std::string& name : kClassTokens) token |= source_.tensors.contains(prefix_ + name);
    if (!row && !token) return;
    if (!options_.drop_class_token)
      fail(
          ErrorCode::kUnsupported,
          "has a class token, which this encoder has not, so it would compute something else; to import the rest of it "
          "all the same, give --drop-class-token");
    for (const std::string& name : kClassTokens) used_.insert(prefix_ + name);
    dropped_class_token_ = true;
    model_.notes.push_back("class token dropped: results differ from those of the original model");
  }

  // ---- head ------------------------------------------------------------------------------------------

  /// Beside the encoder's tensors, or beside the encoder ("feature_model.*" and "head.*").
  std::vector<std::string> head_prefixes() const {
    if (prefix_.empty()) return {prefix_};
    const std::size_t dot = prefix_.rfind('.', prefix_.size() - 2);
    return {prefix_, dot == std::string::npos ? "" : prefix_.substr(0, dot + 1)};
  }

  void take_head() {
    if (dropped_class_token_) return;  // it looks at the class token
    for (const std::string& prefix : head_prefixes()) {
      const auto has = [&](const char* name) { return source_.tensors.contains(prefix + name); };
      if (has("head.weight")) return take_head_of(Kind::kLinear, prefix, "head.weight");
      if (has("head.1.weight")) return take_head_of(Kind::kNormLinear, prefix, "head.1.weight");
      if (has("head.linear.weight")) return take_head_of(Kind::kAttentive, prefix, "head.linear.weight");
      if (has("head.fc2.weight")) return take_head_of(Kind::kMlp, prefix, "head.fc2.weight");
    }
  }

  void take_head_of(Kind kind, const std::string& prefix, const char* output) {
    const auto& shape = source_.tensors.at(prefix + output).shape;
    if (!options_.with_head && kind != Kind::kNormLinear) {
      model_.notes.push_back("classification head left out");
      return;
    }
    const std::int64_t features = (kind == Kind::kMlp ? 4 : 1) * model_.encoder.width;
    if (shape.size() != 2 || shape[1] != features || shape[0] < 1 || shape[0] > 10'000) {
      model_.notes.push_back("classification head of shape " + shape_text(shape) +
                             " left out: it does not fit the encoder");
      return;
    }
    BundleHead head;
    head.kind = kind;
    head.labels = labels_for(shape[0]);
    for (const auto& [name, wanted] : head_tensors(head, model_.encoder.width)) take(prefix + name, name, wanted);
    model_.head = std::move(head);
  }

  std::vector<BundleLabel> labels_for(std::int64_t count) const {
    if (!options_.labels.empty() && std::int64_t(options_.labels.size()) != count)
      fail(ErrorCode::kInvalidArgument, "the head has " + std::to_string(count) + " outputs, but " +
                                            std::to_string(options_.labels.size()) + " labels are given");
    std::vector<BundleLabel> labels;
    for (std::int64_t i = 0; i < count; ++i)
      labels.push_back(
          {options_.labels.empty() ? "class " + std::to_string(i) : options_.labels[std::size_t(i)], 0.5, 1, 0});
    return labels;
  }

  // ---- encoder -----------------------------------------------------------------------------------------

  void take_encoder() {
    const bool own_norm = model_.head && model_.head->kind == Kind::kNormLinear;  // in place of the encoder's
    for (const auto& [name, shape] : encoder_tensors(model_.encoder)) {
      if (own_norm && first_part(name) == "norm")
        used_.insert(prefix_ + name);
      else if (name == "pos_embed")
        take_table(shape);
      else
        take(prefix_ + name, "encoder." + name, shape);
    }
  }

  /// [1,N,D] from [1,N,D], [N,D] or, with a class token's row in front, one row more.
  void take_table(const std::vector<std::int64_t>& wanted) {
    const std::string name = prefix_ + "pos_embed";
    const auto& shape = source_.tensors.at(name).shape;
    if (shape.back() != wanted.back()) fail_shape(name, shape, wanted);
    TensorView view = as_floats(name);
    view.bytes = view.bytes.subspan(std::size_t(leading_rows(shape)) * std::size_t(wanted.back()) * sizeof(float));
    view.shape = wanted;
    model_.tensors["encoder.pos_embed"] = view;
    used_.insert(name);
  }

  void take(const std::string& from, const std::string& to, const std::vector<std::int64_t>& wanted) {
    const auto found = source_.tensors.find(from);
    if (found == source_.tensors.end()) fail(ErrorCode::kMalformed, "tensor " + printable(from) + " is missing");
    if (found->second.shape != wanted) fail_shape(from, found->second.shape, wanted);
    model_.tensors[to] = as_floats(from);
    used_.insert(from);
  }

  [[noreturn]] static void fail_shape(const std::string& name, const std::vector<std::int64_t>& shape,
                                      const std::vector<std::int64_t>& wanted) {
    fail(ErrorCode::kMalformed, "tensor " + printable(name) + " is " + shape_text(shape) +
                                    ", the rest of the model needs " + shape_text(wanted));
  }

  /// f32, in place where the source has it so, and finite.
  TensorView as_floats(const std::string& name) {
    TensorView view = source_.view(name);
    if (view.type != DataType::kF32 && view.type != DataType::kF16 && view.type != DataType::kBF16 &&
        view.type != DataType::kF64)
      fail(ErrorCode::kUnsupported, "tensor " + printable(name) + " is of type " + std::string(name_of(view.type)) +
                                        ", not of a floating-point type");
    if (view.type != DataType::kF32) {
      model_.converted.push_back(std::make_unique<std::vector<float>>(to_floats(view)));
      view = {DataType::kF32, view.shape, std::as_bytes(std::span(*model_.converted.back()))};
    }
    require_finite(name, view.bytes);
    return view;
  }

  static void require_finite(const std::string& name, std::span<const std::byte> bytes) {
    for (; !bytes.empty(); bytes = bytes.subspan(sizeof(float))) {
      float value;
      std::memcpy(&value, bytes.data(), sizeof value);
      if (!std::isfinite(value)) fail(ErrorCode::kMalformed, "tensor " + printable(name) + " holds infinities or NaN");
    }
  }

  // ---- what is left over -----------------------------------------------------------------------------------

  /// Nothing that the encoder would compute with may be left; the rest is counted.
  void check_rest() {
    std::set<std::string> parts;
    std::size_t count = 0;
    for (const auto& [name, tensor] : source_.tensors) {
      if (used_.contains(name)) continue;
      ++count;
      if (name.starts_with(prefix_) && kEncoderParts.contains(first_part(name.substr(prefix_.size()))))
        fail(ErrorCode::kUnsupported, "tensor " + printable(name) + " has no place in a plain vision transformer");
      parts.insert(name.substr(0, name.find('.', std::min(name.size(), name.find('.') + 1))));
    }
    if (count == 0) return;
    std::string note = std::to_string(count) + " other tensors left out:";
    std::size_t shown = 0;
    for (const std::string& part : parts) {
      if (++shown <= 6) note += " " + printable(part);
    }
    model_.notes.push_back(note + (parts.size() > 6 ? " and more" : ""));
  }

  const WeightSource& source_;
  const ImportOptions& options_;
  std::string prefix_;
  bool dropped_class_token_ = false;
  ImportedModel model_;
  std::set<std::string> used_;  // names in the source
};

}  // namespace

ImportedModel import_vision_transformer(const WeightSource& source, const ImportOptions& options) {
  return within(source.origin, [&] { return Import(source, options).run(); });
}

}  // namespace chexworld
