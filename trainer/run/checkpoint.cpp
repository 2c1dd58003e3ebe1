// SPDX-License-Identifier: Apache-2.0
#include "trainer/run/checkpoint.h"

#include "base/failure.h"
#include "base/log.h"
#include "bundle/safetensors.h"
#include "nn/tensor_convert.h"

#include <algorithm>

namespace chexworld {
namespace fs = std::filesystem;
namespace {

constexpr const char* kFormatKey = "chexworld.checkpoint";
constexpr const char* kFormat = "1";
constexpr const char* kConfigKey = "chexworld.config";
constexpr const char* kProgressKey = "chexworld.progress";
constexpr const char* kTrimKey = "chexworld.trim";  // absent in checkpoints of older programs
constexpr std::string_view kPrefix = "update-", kSuffix = ".safetensors";

Json json_of(const TrainingProgress& progress) {
  Json json{{"updates", progress.updates},
            {"skipped", progress.skipped},
            {"skipped_in_a_row", progress.skipped_in_a_row},
            {"seconds", progress.seconds},
            {"films_fingerprint", progress.films_fingerprint}};
  if (progress.best) json["best"] = *progress.best;
  return json;
}

TrainingProgress progress_from(const Json& json, const std::string& where) {
  constexpr std::int64_t most = 1'000'000'000'000;
  ConfigReader reader(json, where);
  TrainingProgress progress;
  progress.updates = reader.integer("updates", 0, {0, most});
  progress.skipped = reader.integer("skipped", 0, {0, most});
  progress.skipped_in_a_row = reader.integer("skipped_in_a_row", 0, {0, most});
  progress.seconds = reader.number("seconds", 0, {0, 1e12});
  progress.films_fingerprint = reader.text("films_fingerprint", "");
  if (reader.has("best")) progress.best = reader.number("best", 0, {-1e300, 1e300});
  reader.finish();
  return progress;
}

Json json_of(const TrimOptions& trim) {
  return {{"black_border", trim.black_border}, {"collimation", trim.collimation}};
}

TrimOptions trim_from(const Json& json, const std::string& where) {
  ConfigReader reader(json, where);
  TrimOptions trim;
  trim.black_border = reader.boolean("black_border", true);
  trim.collimation = reader.boolean("collimation", true);
  reader.finish();
  return trim;
}

/// Tensors on the CPU, by the names they have in a checkpoint.
State checkpoint_state(const WorldModel& model, const AdamW& optimizer) {
  State state;
  for (const auto& [name, tensor] : model.state()) state["model/" + name] = tensor.detach().cpu().contiguous();
  for (const auto& [name, tensor] : optimizer.state()) state["optimizer/" + name] = tensor.detach().cpu().contiguous();
  return state;
}

[[noreturn]] void cannot_write(const fs::path& path, const State& state, const Error& error) {
  std::uint64_t bytes = 0;
  for (const auto& [name, tensor] : state) bytes += tensor.nbytes();
  fail(error.code(), error.message() + "; a checkpoint needs " + std::to_string((bytes >> 20) + 1) +
                         " MB: free room in " + path.parent_path().string() +
                         " (earlier checkpoints there are intact)");
}

std::int64_t updates_in(const fs::path& path) {
  const std::string name = path.filename().string();
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return -1;
  const std::string digits = name.substr(kPrefix.size(), name.size() - kPrefix.size() - kSuffix.size());
  if (digits.empty() || digits.size() > 15 || digits.find_first_not_of("0123456789") != std::string::npos) return -1;
  return std::stoll(digits);
}

SafetensorsFile open_checkpoint(const fs::path& path) {
  SafetensorsFile file = SafetensorsFile::open(path);
  const auto format = file.metadata().find(kFormatKey);
  if (format == file.metadata().end())
    fail(ErrorCode::kMalformed, path.string() + " is no checkpoint of a training run");
  if (format->second != kFormat)
    fail(ErrorCode::kUnsupported,
         path.string() + " is a checkpoint of format " + format->second + ", this program reads " + kFormat);
  if (!file.metadata().contains(kConfigKey) || !file.metadata().contains(kProgressKey))
    fail(ErrorCode::kMalformed, path.string() + " is a checkpoint without configuration or progress");
  return file;
}

}  // namespace

void write_checkpoint(const fs::path& path, const CheckpointHeader& header, const WorldModel& model,
                      const AdamW& optimizer) {
  const State state = checkpoint_state(model, optimizer);
  TensorMap tensors;
  for (const auto& [name, tensor] : state) tensors[name] = view_of(tensor);
  try {
    fs::create_directories(path.parent_path());
    write_safetensors(path, tensors,
                      {{kFormatKey, kFormat},
                       {kConfigKey, to_json(header.config).dump()},
                       {kProgressKey, json_of(header.progress).dump()},
                       {kTrimKey, json_of(header.trim).dump()}});
  } catch (...) {
    cannot_write(path, state, current_error());
  }
}

CheckpointHeader read_checkpoint_header(const fs::path& path) {
  const SafetensorsFile file = open_checkpoint(path);
  CheckpointHeader header;
  apply_settings(header.config, parse_json(file.metadata().at(kConfigKey), path.string()), path.string());
  header.progress = progress_from(parse_json(file.metadata().at(kProgressKey), path.string()), path.string());
  if (const auto trim = file.metadata().find(kTrimKey); trim != file.metadata().end())
    header.trim = trim_from(parse_json(trim->second, path.string()), path.string());
  return header;
}

void load_checkpoint(const fs::path& path, WorldModel& model, AdamW& optimizer) {
  const SafetensorsFile file = open_checkpoint(path);
  const State state = state_of(file.tensors());
  load_exactly(model, with_prefix(state, "model/"), path.string());
  within(path.string(), [&] { optimizer.load(with_prefix(state, "optimizer/")); });
}

void load_model(const fs::path& path, WorldModel& model) {
  const SafetensorsFile file = open_checkpoint(path);
  load_exactly(model, with_prefix(state_of(file.tensors()), "model/"), path.string());
}

fs::path find_checkpoint(const fs::path& place) {
  if (fs::is_regular_file(place)) return place;
  const auto newest = CheckpointFolder(CheckpointFolder::of_run(place), 1).newest();
  if (!newest)
    fail(ErrorCode::kNotFound, place.string() + " is neither a checkpoint nor the folder of a run that has one");
  return *newest;
}

fs::path CheckpointFolder::path_of(std::int64_t updates) const {
  const std::string digits = std::to_string(updates);
  return folder_ / (std::string(kPrefix) + std::string(digits.size() < 9 ? 9 - digits.size() : 0, '0') + digits +
                    std::string(kSuffix));
}

std::vector<fs::path> CheckpointFolder::all() const {
  std::vector<fs::path> paths;
  if (!fs::is_directory(folder_)) return paths;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_))
    if (updates_in(entry.path()) >= 0) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end(),
            [](const fs::path& a, const fs::path& b) { return updates_in(a) < updates_in(b); });
  return paths;
}

std::optional<fs::path> CheckpointFolder::newest() const {
  std::vector<fs::path> paths = all();
  for (; !paths.empty(); paths.pop_back()) {
    try {
      open_checkpoint(paths.back());
      return paths.back();
    } catch (const Failure& failure) {
      log_warning(paths.back().string() + " is passed over: " + failure.error().message());
    }
  }
  return {};
}

/// What a run that was killed while it wrote has left behind.
void CheckpointFolder::remove_leftovers() const {
  if (!fs::is_directory(folder_)) return;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_))
    if (entry.path().filename().string().find(".partial") != std::string::npos) fs::remove(entry.path(), ignored);
}

void CheckpointFolder::save(const CheckpointHeader& header, const WorldModel& model, const AdamW& optimizer,
                            bool is_best) {
  const fs::path path = path_of(header.progress.updates);
  remove_leftovers();
  write_checkpoint(path, header, model, optimizer);
  std::error_code ignored;
  if (is_best) {  // a second name for the same file; renaming puts it in place at once
    const fs::path fresh = best().string() + ".partial";
    fs::remove(fresh, ignored);
    fs::create_hard_link(path, fresh, ignored);
    if (ignored) fs::copy_file(path, fresh, ignored);
    fs::rename(fresh, best(), ignored);
  }
  std::vector<fs::path> paths = all();
  for (std::size_t i = 0; i + std::size_t(keep_) < paths.size(); ++i) fs::remove(paths[i], ignored);
}

}  // namespace chexworld
