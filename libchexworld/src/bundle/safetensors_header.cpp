// SPDX-License-Identifier: Apache-2.0
#include "bundle/safetensors_header.h"

#include "base/failure.h"
#include "bundle/printable.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

namespace chexworld {
namespace {

constexpr std::size_t kMostDimensions = 32;
constexpr std::string_view kMetadataKey = "__metadata__";

DataType type_named(const std::string& name, const std::string& tensor) {
  for (const DataType type : {DataType::kF64, DataType::kF32, DataType::kF16, DataType::kBF16, DataType::kI64,
                              DataType::kI32, DataType::kI16, DataType::kI8, DataType::kU8, DataType::kBool}) {
    if (name_of(type) == name) return type;
  }
  fail(ErrorCode::kUnsupported, "tensor " + printable(tensor) + " has element type " + printable(name) +
                                    ", which is not one of F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL");
}

/// Follows the parser's events, so that nothing is built for what the format does not allow: duplicate keys,
/// deep nesting and wrong types end the parsing where they stand.
class HeaderEvents : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderEvents(SafetensorsHeader& header) : header_(header) {}

  bool key(string_t& text) override {
    switch (place_) {
      case Place::kTop: return begin_member(text);
      case Place::kMetadata: return begin_text(text);
      default: return begin_field(text);
    }
  }

  bool start_object(std::size_t) override {
    switch (place_) {
      case Place::kOutside: place_ = Place::kTop; return true;
      case Place::kMember: place_ = Place::kTensor; return true;
      case Place::kMetadataMember: place_ = Place::kMetadata; return true;
      default: unexpected("an object");
    }
  }

  bool end_object() override {
    if (place_ == Place::kTensor) finish_tensor();
    place_ = place_ == Place::kTop ? Place::kOutside : Place::kTop;
    return true;
  }

  bool start_array(std::size_t) override {
    if (place_ != Place::kField || field_ == "dtype") unexpected("a list");
    place_ = Place::kList;
    return true;
  }

  bool end_array() override {
    place_ = Place::kTensor;
    return true;
  }

  bool string(string_t& text) override {
    if (place_ == Place::kMetadata) {
      header_.metadata[metadata_key_] = text;
    } else if (place_ == Place::kField && field_ == "dtype") {
      entry_.type = type_named(text, name_);
      place_ = Place::kTensor;
    } else {
      unexpected("text");
    }
    return true;
  }

  bool number_unsigned(number_unsigned_t value) override {
    if (place_ != Place::kList) unexpected("a number");
    if (value > std::uint64_t(INT64_MAX)) malformed("has a number over 2^63 in " + field_);
    (field_ == "shape" ? entry_.shape : offsets_).push_back(std::int64_t(value));
    if (entry_.shape.size() > kMostDimensions) malformed("has more than 32 dimensions");
    if (offsets_.size() > 2) malformed("has more than two data_offsets");
    return true;
  }

  bool null() override { unexpected("null"); }
  bool boolean(bool) override { unexpected("true or false"); }
  bool number_integer(number_integer_t) override { unexpected("a negative number"); }
  bool number_float(number_float_t, const string_t&) override { unexpected("a fraction"); }
  bool binary(binary_t&) override { unexpected("binary data"); }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    fail(ErrorCode::kMalformed, "the header is not JSON (at its byte " + std::to_string(position) + ")");
  }

 private:
  enum class Place { kOutside, kTop, kMember, kTensor, kField, kList, kMetadataMember, kMetadata };

  bool begin_member(const std::string& name) {
    require(names_.insert(name).second, "name", name);
    name_ = name;
    place_ = name == kMetadataKey ? Place::kMetadataMember : Place::kMember;
    entry_ = {};
    offsets_.clear();
    fields_.clear();
    field_.clear();
    return true;
  }

  bool begin_text(const std::string& key) {
    require(header_.metadata.try_emplace(key).second, "key", key);
    metadata_key_ = key;
    return true;
  }

  bool begin_field(const std::string& field) {
    if (field != "dtype" && field != "shape" && field != "data_offsets")
      malformed("has an unknown key " + printable(field));
    require(fields_.insert(field).second, "key", field);
    field_ = field;
    place_ = Place::kField;
    return true;
  }

  void finish_tensor() {
    if (fields_.size() != 3) malformed("lacks one of dtype, shape and data_offsets");
    if (offsets_.size() != 2 || offsets_[0] > offsets_[1]) malformed("has impossible data_offsets");
    entry_.begin = std::uint64_t(offsets_[0]);
    entry_.end = std::uint64_t(offsets_[1]);
    header_.entries[name_] = std::move(entry_);
  }

  void require(bool first, const char* what, const std::string& name) const {
    if (!first)
      fail(ErrorCode::kMalformed, std::string("the header has the ") + what + " " + printable(name) + " twice");
  }

  [[noreturn]] void malformed(const std::string& what) const {
    fail(ErrorCode::kMalformed, "tensor " + printable(name_) + " " + what);
  }

  [[noreturn]] void unexpected(const std::string& found) const {
    if (place_ == Place::kOutside || place_ == Place::kTop)
      fail(ErrorCode::kMalformed, "the header is not a JSON object of tensors, it has " + found + " in a wrong place");
    if (place_ == Place::kMetadata || place_ == Place::kMetadataMember)
      fail(ErrorCode::kMalformed, "__metadata__ may hold only text by key, it has " + found);
    malformed("has " + found + " where the format wants something else" +
              (field_.empty() ? "" : " (near " + printable(field_) + ")"));
  }

  SafetensorsHeader& header_;
  Place place_ = Place::kOutside;
  std::set<std::string> names_;
  std::string name_;  // of the current member
  SafetensorsEntry entry_;
  std::vector<std::int64_t> offsets_;
  std::set<std::string> fields_;  // seen in the current tensor
  std::string field_;
  std::string metadata_key_;
};

void check_shapes(const SafetensorsHeader& header) {
  for (const auto& [name, entry] : header.entries) {
    const std::uint64_t needed =
        within("tensor " + printable(name), [&] { return byte_count(entry.type, entry.shape); });
    if (needed != entry.end - entry.begin)
      fail(ErrorCode::kMalformed, "tensor " + printable(name) + " of shape " + shape_text(entry.shape) + " and type " +
                                      std::string(name_of(entry.type)) + " needs " + std::to_string(needed) +
                                      " bytes, its data_offsets give it " + std::to_string(entry.end - entry.begin));
  }
}

/// Together the tensors cover the data exactly once.
void check_tiling(const SafetensorsHeader& header, std::uint64_t data_bytes) {
  using Item = std::pair<const std::string, SafetensorsEntry>;
  std::vector<const Item*> order;
  for (const Item& item : header.entries) order.push_back(&item);
  std::ranges::sort(order, {}, [](const Item* item) { return std::pair(item->second.begin, item->second.end); });
  std::uint64_t covered = 0;
  for (const Item* item : order) {
    const std::uint64_t begin = item->second.begin;
    if (item->second.end > data_bytes)
      fail(ErrorCode::kMalformed, "tensor " + printable(item->first) + " ends at byte " +
                                      std::to_string(item->second.end) + " of the data, which has only " +
                                      std::to_string(data_bytes) + " (a cut-off file? copy it again)");
    if (begin < covered) fail(ErrorCode::kMalformed, "tensor " + printable(item->first) + " overlaps another tensor");
    if (begin > covered)
      fail(ErrorCode::kMalformed, "the data has a hole of " + std::to_string(begin - covered) +
                                      " bytes before tensor " + printable(item->first));
    covered = item->second.end;
  }
  if (covered != data_bytes)
    fail(ErrorCode::kMalformed, std::to_string(data_bytes - covered) + " bytes of the data belong to no tensor");
}

}  // namespace

std::uint64_t byte_count(DataType type, const std::vector<std::int64_t>& shape) {
  std::uint64_t count = size_of(type);
  bool empty = false;
  bool overflow = false;
  for (const std::int64_t extent : shape) {
    if (extent < 0) fail(ErrorCode::kMalformed, "shape " + shape_text(shape) + " has a negative extent");
    if (extent == 0) empty = true;
    if (extent > 0) overflow |= __builtin_mul_overflow(count, std::uint64_t(extent), &count);
  }
  if (overflow || count > std::uint64_t(INT64_MAX))
    fail(ErrorCode::kMalformed, "shape " + shape_text(shape) + " has more elements than can be counted");
  return empty ? 0 : count;
}

SafetensorsHeader parse_safetensors_header(std::string_view json, std::uint64_t data_bytes) {
  SafetensorsHeader header;
  HeaderEvents events(header);
  nlohmann::json::sax_parse(json, &events);
  check_shapes(header);
  check_tiling(header, data_bytes);
  return header;
}

}  // namespace chexworld
