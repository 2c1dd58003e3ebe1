// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/file.h"
#include "index/index.h"

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace chexworld {

/// One index per model, in a folder: "indexes.json" and a folder per model id. Vectors of different models never mix:
/// a new model's index fills while the old one, complete, answers; it takes over when it has caught up.
///
/// Thread safety: everything may be called from any number of threads at once. A search keeps the index it began with
/// (shared_ptr), also when that is switched away from or dropped meanwhile.
/// Errors: throws Failure; kInvalidArgument for a model id that cannot name a folder, kNotFound for one that has no
/// index, kConflict for what the state forbids.
class IndexSet {
 public:
  enum class State {
    kActive,   ///< answers searches
    kFilling,  ///< takes rows, not asked
    kStale,    ///< missing or damaged on disk: begin() makes it anew, then its rows are to be inserted again
  };
  struct Status {
    std::string model;
    State state = State::kFilling;
    std::size_t rows = 0;
    std::size_t goal = 0;  ///< rows at which it has caught up; 0: not known
    std::uint64_t position = 0;
    std::string reason;  ///< why it is stale
  };

  /// Opens every index that was there; one that cannot be opened becomes stale, the others serve. What a killed process
  /// left half made is removed. kConflict: another IndexSet, of this process or another, has the folder.
  explicit IndexSet(const std::filesystem::path& folder, const IndexOpening& opening = {});

  /// The index that answers; empty when there is none yet or it is stale.
  std::shared_ptr<VectorIndex> active() const;
  std::string active_model() const;  ///< "" when there is none
  /// The model's index; empty when there is none or it is stale.
  std::shared_ptr<VectorIndex> find(std::string_view model) const;

  /// The model's index, made when it is missing or stale. The very first is active at once.
  std::shared_ptr<VectorIndex> begin(const std::string& model, const IndexOptions& options);

  /// A new, empty index in place of the model's; searches of the old one that are under way end as they began.
  std::shared_ptr<VectorIndex> replace(const std::string& model, const IndexOptions& options);

  /// How many rows make the model's index complete: what the store holds for the model before.
  void set_goal(const std::string& model, std::size_t rows);
  /// Makes the model's index active if it has reached its goal; it is persisted first. False when it has not.
  bool switch_when_caught_up(const std::string& model);
  /// Makes the model's index active whatever it holds: also the way back to the model before.
  void switch_to(const std::string& model);

  /// Removes an index and its files. kConflict for the active one.
  void drop(const std::string& model);

  void persist();                      ///< all of them
  std::vector<Status> status() const;  ///< by model id

 private:
  struct Entry {
    std::shared_ptr<VectorIndex> index;  // empty: stale
    std::size_t goal = 0;
    std::string reason;
  };
  std::shared_ptr<VectorIndex> make(const std::string& model, const IndexOptions& options);
  void remove_leftovers() const;
  Entry& entry(const std::string& model);
  void write_list() const;
  void read_list();
  void activate(const std::string& model);

  const std::filesystem::path folder_;
  const IndexOpening opening_;
  const FileDescriptor lock_;  // of the folder
  mutable std::mutex mutex_;   // guards what follows
  std::map<std::string, Entry, std::less<>> entries_;
  std::string active_;
};

}  // namespace chexworld
