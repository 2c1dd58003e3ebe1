// SPDX-License-Identifier: Apache-2.0
//
// "Show me cases like this one": joins the store, which is the truth, with the indexes that find similar embeddings.
// docs/search.md explains how they stay together.
#pragma once

#include "index/index_set.h"
#include "retrieval/search_request.h"
#include "store/store.h"

#include <chexworld/result.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace chexworld {

struct RetrievalOptions {
  std::filesystem::path folder;  ///< of the indexes; one process at a time owns it

  // ---- behaviour ----
  std::uint32_t links = 16;         ///< IndexOptions
  std::uint32_t build_width = 200;  ///< IndexOptions
  IndexOpening opening = {};

  // ---- performance ----
  std::chrono::milliseconds poll{200};              ///< how often start() looks for changes
  std::chrono::milliseconds persist_after{60'000};  ///< changes are at most this long in memory only, ...
  std::uint64_t persist_changes = 50'000;           ///< ... and at most so many
  std::uint32_t page = 500;                         ///< changes read at once
  unsigned threads = 2;                             ///< of search_batch() and of filling an index
};

/// How far one model's index has come.
struct IndexProgress {
  IndexSet::Status index;
  std::uint64_t newest = 0;  ///< the store's last change of the model; index.position is how far it was followed
  bool serving = false;      ///< answers searches that name no model
};

/// Follows Store::changes() into one index per model and answers searches from them.
///
/// What the store has committed is found after the next catch_up(); what it has deleted is never returned, even before,
/// because every hit is read from the store. After a crash the changes since the last persist() are applied again. An
/// index that is missing, damaged, of another store or older than forgotten deletions is filled again from the store.
///
/// A new model's index fills while the index of the model before answers; it takes over by itself once every image
/// that had a result of the old model has one of the new, or has been given up (parked, skipped).
///
/// Thread safety: everything may be called from any number of threads at once. The store must outlive it.
/// Errors: throws Failure; what the store throws, and kConflict when another process has the folder.
class Retrieval {
 public:
  /// Opens the indexes that are there; removes what a killed process left behind. Follows nothing yet.
  Retrieval(Store& store, const RetrievalOptions& options);
  ~Retrieval();  ///< stops following and persists
  Retrieval(const Retrieval&) = delete;
  Retrieval& operator=(const Retrieval&) = delete;

  /// Follows the store in a thread of its own until destroyed. While the store cannot be reached the indexes go on
  /// answering in vain, and it is tried again; `trouble` (may be empty) hears of it once per outage.
  void start(std::function<void(const Error&)> trouble = {});

  /// Applies everything that the store has committed before the call, for all models, and switches over to the store's
  /// active model when its index is complete. Returns the number of changes applied.
  std::uint64_t catch_up();

  /// Writes all indexes to disk.
  void persist();

  /// Best first. kNotFound: an instance, study, model or finding that is not known, or has no result of the model that
  /// answers. kInvalidArgument: a request that contradicts itself. kUnavailable: there is no index yet.
  SearchReply search(const SearchRequest& request);
  /// Replies in the order of the requests, on RetrievalOptions::threads threads.
  std::vector<SearchReply> search_batch(std::span<const SearchRequest> requests);

  std::string serving_model() const;  ///< "" before the first result
  std::vector<IndexProgress> progress();
  /// Answers from this model's index from now on, whatever it holds, until the store activates another model.
  /// kNotFound, kConflict.
  void serve_model(const std::string& model_id);
  /// Forgets a model's index; it is filled again if the store still knows the model. kConflict: it is serving.
  void drop_index(const std::string& model_id);

  /// Compares every index with the store; what disagrees, one sentence each. Call after catch_up().
  std::vector<std::string> verify();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace chexworld
