// SPDX-License-Identifier: Apache-2.0
#include "trainer/probe/feature_cache.h"

#include "base/failure.h"
#include "bundle/safetensors.h"

#include <cstring>

namespace chexworld {
namespace fs = std::filesystem;
namespace {

constexpr const char* kFormatKey = "chexworld.features";
constexpr const char* kFormat = "1";

/// "3f2a...-grid-4.safetensors"
std::string file_name(const std::string& model_id, std::string choice) {
  for (char& c : choice)
    if (c == ':' || c == '+') c = '-';
  return model_id.substr(0, 16) + "-" + choice + ".safetensors";
}

std::string metadata_of(const SafetensorsFile& file, const char* key) {
  const auto found = file.metadata().find(key);
  return found == file.metadata().end() ? "" : found->second;
}

}  // namespace

FeatureCache::FeatureCache(const fs::path& folder, const std::string& model_id, const std::string& choice,
                           std::size_t columns)
    : model_id_(model_id), choice_(choice), columns_(columns) {
  if (folder.empty()) return;
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) fail(ErrorCode::kInputOutput, "creating " + folder.string() + ": " + error.message());
  path_ = folder / file_name(model_id, choice);
  if (fs::exists(path_)) read();
}

void FeatureCache::read() {
  const SafetensorsFile file = SafetensorsFile::open(path_);
  const auto damaged = [&](const std::string& what) {
    fail(ErrorCode::kMalformed, path_.string() + " is no cache of these features: " + what + "; remove it");
  };
  if (metadata_of(file, kFormatKey) != kFormat) damaged("another format");
  if (metadata_of(file, "chexworld.model_id") != model_id_) damaged("another model");
  if (!file.has("content") || !file.has("features")) damaged("a tensor is missing");
  const TensorView& content = file.at("content");
  const TensorView& features = file.at("features");
  const bool fits = content.type == DataType::kU8 && content.shape.size() == 2 && content.shape[1] == 16 &&
                    features.type == DataType::kF32 &&
                    features.shape == std::vector{content.shape[0], std::int64_t(columns_)};
  if (!fits) damaged("tensors of another shape");
  values_.resize(features.bytes.size() / sizeof(float));
  std::memcpy(values_.data(), features.bytes.data(), features.bytes.size());
  for (std::size_t row = 0; row < std::size_t(content.shape[0]); ++row) {
    ArchiveDigest digest;
    std::memcpy(digest.data(), content.bytes.data() + row * digest.size(), digest.size());
    rows_[digest] = row;
  }
}

std::span<const float> FeatureCache::find(const ArchiveDigest& content) const {
  const auto found = rows_.find(content);
  if (found == rows_.end()) return {};
  return std::span(values_).subspan(found->second * columns_, columns_);
}

void FeatureCache::add(const ArchiveDigest& content, std::span<const float> features) {
  if (path_.empty() || !rows_.try_emplace(content, values_.size() / columns_).second) return;
  values_.insert(values_.end(), features.begin(), features.end());
  changed_ = true;
}

void FeatureCache::save() {
  if (!changed_) return;
  std::vector<std::byte> content(rows_.size() * sizeof(ArchiveDigest));
  for (const auto& [digest, row] : rows_)
    std::memcpy(content.data() + row * digest.size(), digest.data(), digest.size());
  const auto count = std::int64_t(rows_.size());
  const TensorMap tensors{
      {"content", {DataType::kU8, {count, 16}, content}},
      {"features", {DataType::kF32, {count, std::int64_t(columns_)}, std::as_bytes(std::span(values_))}}};
  write_safetensors(path_, tensors,
                    {{kFormatKey, kFormat}, {"chexworld.model_id", model_id_}, {"chexworld.choice", choice_}});
  changed_ = false;
}

}  // namespace chexworld
