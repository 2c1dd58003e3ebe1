// SPDX-License-Identifier: Apache-2.0
#include "index/index_set.h"

#include "base/config.h"
#include "base/failure.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>

namespace chexworld {
namespace {

constexpr const char* kList = "indexes.json";
constexpr const char* kLock = "lock";

void check_model_id(const std::string& model) {
  const bool plain = std::all_of(model.begin(), model.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  });
  if (!plain || model.empty() || model.size() > 128 || model[0] == '.' || model == kList || model == kLock)
    fail(ErrorCode::kInvalidArgument, "a model id has 1 to 128 letters, digits, '-', '_' or '.', no '.' first");
}

FileDescriptor locked(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  FileDescriptor file(open((folder / kLock).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (file.get() < 0) fail_errno("opening " + (folder / kLock).string(), errno);
  if (flock(file.get(), LOCK_EX | LOCK_NB) != 0)
    fail(ErrorCode::kConflict,
         "the indexes in " + folder.string() +
             " are in use by another process: ask that one, or keep indexes of your own elsewhere");
  return file;
}

bool is_partial(const std::filesystem::path& path) {
  return path.filename().string().find(".partial-") != std::string::npos;
}

/// Only what we write ourselves: a folder of something else is never removed.
bool holds_an_index(const std::filesystem::path& folder) {
  return std::filesystem::exists(folder / "vectors.f32") || std::filesystem::exists(folder / "index.chx");
}

}  // namespace

IndexSet::IndexSet(const std::filesystem::path& folder, const IndexOpening& opening)
    : folder_(folder), opening_(opening), lock_(locked(folder)) {
  if (std::filesystem::exists(folder_ / kList)) read_list();
  remove_leftovers();
}

// Files written in part, and indexes that were made or dropped when the process was killed.
void IndexSet::remove_leftovers() const {
  namespace fs = std::filesystem;
  std::vector<fs::path> leftovers;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_)) {
    if (entry.is_regular_file() && is_partial(entry.path())) leftovers.push_back(entry.path());
    if (!entry.is_directory()) continue;
    if (!entries_.contains(entry.path().filename().string())) {
      if (holds_an_index(entry.path())) leftovers.push_back(entry.path());
      continue;
    }
    for (const fs::directory_entry& file : fs::directory_iterator(entry.path()))
      if (is_partial(file.path())) leftovers.push_back(file.path());
  }
  for (const fs::path& leftover : leftovers) fs::remove_all(leftover);
}

void IndexSet::read_list() {
  const std::vector<std::byte> bytes = read_file(folder_ / kList, 1 << 20);
  const Json list = parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, (folder_ / kList).string());
  ConfigReader reader(list, (folder_ / kList).string());
  active_ = reader.text("active", "");
  for (const std::string& model : reader.texts("models")) {
    check_model_id(model);
    Entry& entry = entries_[model];
    try {
      entry.index = VectorIndex::open(folder_ / model, opening_);
    } catch (...) {
      const Error error = current_error();
      if (error.code() == ErrorCode::kConflict) throw;  // somebody else's, not damaged
      entry.reason = error.message();
    }
  }
  ConfigReader goals = reader.section("goals");
  for (auto& [model, entry] : entries_) entry.goal = std::size_t(goals.integer(model, 0, {0, std::int64_t{1} << 32}));
  goals.finish();
  reader.finish();
}

void IndexSet::write_list() const {
  Json models = Json::array(), goals = Json::object();
  for (const auto& [model, entry] : entries_) {
    models.push_back(model);
    goals[model] = entry.goal;
  }
  const Json list = {{"active", active_}, {"models", models}, {"goals", goals}};
  write_file_atomically(folder_ / kList, list.dump(2) + "\n");
}

IndexSet::Entry& IndexSet::entry(const std::string& model) {
  const auto found = entries_.find(model);
  if (found == entries_.end()) fail(ErrorCode::kNotFound, "there is no index of model " + model);
  return found->second;
}

std::shared_ptr<VectorIndex> IndexSet::find(std::string_view model) const {
  const std::scoped_lock lock(mutex_);
  const auto found = entries_.find(model);
  return found == entries_.end() ? nullptr : found->second.index;
}

std::shared_ptr<VectorIndex> IndexSet::active() const { return find(active_model()); }

std::string IndexSet::active_model() const {
  const std::scoped_lock lock(mutex_);
  return active_;
}

std::shared_ptr<VectorIndex> IndexSet::begin(const std::string& model, const IndexOptions& options) {
  check_model_id(model);
  const std::scoped_lock lock(mutex_);
  const auto known = entries_.find(model);
  if (known != entries_.end() && known->second.index) return known->second.index;
  return make(model, options);
}

std::shared_ptr<VectorIndex> IndexSet::replace(const std::string& model, const IndexOptions& options) {
  const std::scoped_lock lock(mutex_);
  entry(model);
  return make(model, options);
}

// In new files: searches may still be reading the old ones.
std::shared_ptr<VectorIndex> IndexSet::make(const std::string& model, const IndexOptions& options) {
  std::filesystem::remove_all(folder_ / model);
  std::shared_ptr<VectorIndex> index = VectorIndex::create(folder_ / model, options, opening_);
  Entry& entry = entries_[model];
  entry.index = index;
  entry.reason.clear();
  if (active_.empty()) active_ = model;
  write_list();
  return index;
}

void IndexSet::set_goal(const std::string& model, std::size_t rows) {
  const std::scoped_lock lock(mutex_);
  entry(model).goal = rows;
  write_list();
}

void IndexSet::activate(const std::string& model) {
  const std::string before = std::exchange(active_, model);
  try {
    write_list();
  } catch (...) {
    active_ = before;
    throw;
  }
}

bool IndexSet::switch_when_caught_up(const std::string& model) {
  std::shared_ptr<VectorIndex> index;
  {
    const std::scoped_lock lock(mutex_);
    const Entry& candidate = entry(model);
    if (!candidate.index || candidate.goal == 0 || candidate.index->size() < candidate.goal) return false;
    index = candidate.index;
  }
  index->persist();  // without the lock: searches of the old one go on
  switch_to(model);
  return true;
}

void IndexSet::switch_to(const std::string& model) {
  const std::scoped_lock lock(mutex_);
  if (!entry(model).index)
    fail(ErrorCode::kConflict, "the index of model " + model + " is stale: build it again before switching to it");
  activate(model);
}

void IndexSet::drop(const std::string& model) {
  const std::scoped_lock lock(mutex_);
  if (model == active_)
    fail(ErrorCode::kConflict, "the index of model " + model + " is active: switch to another before dropping it");
  entry(model);
  // First from the list: whatever a crash leaves of the files is then nobody's.
  auto node = entries_.extract(model);
  try {
    write_list();
  } catch (...) {
    entries_.insert(std::move(node));
    throw;
  }
  std::filesystem::remove_all(folder_ / model);
}

void IndexSet::persist() {
  std::vector<std::shared_ptr<VectorIndex>> all;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [model, entry] : entries_)
      if (entry.index) all.push_back(entry.index);
  }
  for (const auto& index : all) index->persist();
}

std::vector<IndexSet::Status> IndexSet::status() const {
  const std::scoped_lock lock(mutex_);
  std::vector<Status> all;
  for (const auto& [model, entry] : entries_) {
    Status status{model, State::kStale, 0, entry.goal, 0, entry.reason};
    if (entry.index) {
      status.state = model == active_ ? State::kActive : State::kFilling;
      status.rows = entry.index->size();
      status.position = entry.index->position();
    }
    all.push_back(std::move(status));
  }
  return all;
}

}  // namespace chexworld
