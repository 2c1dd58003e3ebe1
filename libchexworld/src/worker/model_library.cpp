// SPDX-License-Identifier: Apache-2.0
#include "worker/model_library.h"

#include "base/failure.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mapped_file.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace chexworld {
namespace fs = std::filesystem;
namespace {

const std::string kSuffix = ".safetensors";

/// On disk for good before it gets its name.
void sync_file(const fs::path& path) {
  const FileDescriptor file = open_for_reading(path);
  if (fsync(file.get()) != 0) fail_errno("writing " + path.filename().string(), errno);
}

void sync_folder(const fs::path& folder) {
  const FileDescriptor descriptor(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor.get() >= 0) fsync(descriptor.get());
}

/// What a bundle is; the file's own name, which may be a temporary one, stays out of the message.
BundleInfo checked(const fs::path& bundle, std::string_view expected_id) {
  const Result<BundleInfo> info = inspect_bundle(bundle);
  if (!info.ok()) throw Failure(info.error());
  if (!expected_id.empty() && info->model_id != expected_id)
    fail(ErrorCode::kConflict, "the bundle's SHA-256 is " + info->model_id + ", not " + std::string(expected_id));
  return *info;
}

}  // namespace

bool is_model_id(std::string_view text) {
  return text.size() == 64 &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

ModelLibrary::ModelLibrary(fs::path folder) : folder_(std::move(folder)) {
  within("the folder of models", [&] { fs::create_directories(folder_); });
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_)) {
    const std::string id = entry.path().stem().string();
    if (entry.path().extension() != kSuffix || !is_model_id(id)) continue;
    const Result<BundleInfo> info = inspect_bundle(entry.path());
    if (!info.ok()) {
      log_error("models: " + info.error().message());
    } else if (info->model_id != id) {
      log_error("models: " + entry.path().filename().string() + " has another content than its name says");
    } else {
      remember(*info);
    }
  }
}

fs::path ModelLibrary::path_of(const std::string& model_id) const { return folder_ / (model_id + kSuffix); }

KeptModel ModelLibrary::remember(const BundleInfo& info) {
  const fs::path path = path_of(info.model_id);
  KeptModel model{info, path, fs::file_size(path)};
  const std::lock_guard lock(mutex_);
  return models_[info.model_id] = std::move(model);
}

std::vector<KeptModel> ModelLibrary::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<KeptModel> models;
  for (const auto& [id, model] : models_) models.push_back(model);
  return models;
}

bool ModelLibrary::has(const std::string& model_id) const {
  const std::lock_guard lock(mutex_);
  return models_.contains(model_id);
}

KeptModel ModelLibrary::find(const std::string& model_id) const {
  const std::lock_guard lock(mutex_);
  const auto found = models_.find(model_id);
  if (found == models_.end()) fail(ErrorCode::kNotFound, "no bundle of this model is kept: upload it first");
  return found->second;
}

KeptModel ModelLibrary::keep_copy(const fs::path& bundle, std::string_view expected_id) {
  const BundleInfo info = checked(bundle, expected_id);
  if (has(info.model_id)) return find(info.model_id);
  const MappedFile source(bundle);
  write_file_atomically(path_of(info.model_id), [&](FileWriter& writer) { writer.write(source.bytes()); });
  // The copy is what counts: the source may have changed while it was read.
  const Result<BundleInfo> copy = inspect_bundle(path_of(info.model_id));
  if (!copy.ok() || copy->model_id != info.model_id) {
    fs::remove(path_of(info.model_id));
    fail(ErrorCode::kConflict, bundle.string() + " changed while it was copied: try again");
  }
  return remember(*copy);
}

KeptModel ModelLibrary::keep(const fs::path& bundle, std::string_view expected_id) {
  const BundleInfo info = checked(bundle, expected_id);
  if (has(info.model_id)) return find(info.model_id);
  sync_file(bundle);
  fs::rename(bundle, path_of(info.model_id));
  sync_folder(folder_);
  return remember(info);
}

void ModelLibrary::remove(const std::string& model_id) {
  const KeptModel model = find(model_id);
  fs::remove(model.path);
  sync_folder(folder_);
  const std::lock_guard lock(mutex_);
  models_.erase(model_id);
}

}  // namespace chexworld
