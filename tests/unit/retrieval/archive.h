// SPDX-License-Identifier: Apache-2.0
//
// A small archive: an SQLite store of made-up results and the indexes beside it.
#pragma once

#include "retrieval/retrieval.h"
#include "retrieval/searcher.h"
#include "support/store_samples.h"
#include "support/temporary_folder.h"

#include <algorithm>
#include <gmock/gmock.h>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace chexworld::test {

inline ModelRecord archive_model(const std::string& id = "model-a") {
  return {id, "made up", 24, {"effusion", "pneumonia"}};
}

/// An embedding with much in common with all others, as real ones have.
inline std::vector<float> embedding_of(int number, const ModelRecord& model) {
  std::mt19937 random(unsigned(number) * 7919u + unsigned(model.model_id.size()));
  std::normal_distribution<float> normal;
  std::vector<float> embedding(model.embedding_size, 1.0f);
  for (float& value : embedding) value += 0.5f * normal(random);
  return embedding;
}

inline Outcome outcome_of(int number, const ModelRecord& model) {
  Outcome outcome = sample_outcome(number, model);
  outcome.result.embedding = embedding_of(number, model);
  return outcome;
}

class Archive : public testing::Test {
 protected:
  void SetUp() override { store_ = open_store(folder_ / "store.sqlite"); }

  void store(int first, int last, const ModelRecord& model = archive_model()) {
    store_->add_model(model);
    Batch batch;
    for (int number = first; number <= last; ++number) batch.outcomes.push_back(outcome_of(number, model));
    store_->commit(batch);
  }

  void open() {
    retrieval_.reset();
    RetrievalOptions options;
    options.folder = folder_ / "indexes";
    options.build_width = 40;
    options.opening.most_rows = 1 << 16;
    options.page = 50;
    options.poll = std::chrono::milliseconds(5);
    retrieval_ = std::make_unique<Retrieval>(*store_, options);
  }

  void open_caught_up() {
    open();
    retrieval_->catch_up();
    EXPECT_THAT(retrieval_->verify(), testing::IsEmpty());
  }

  static std::string uid(int number) { return sample_instance(number).sop_instance_uid; }

  static std::vector<std::string> uids(const SearchReply& reply) {
    std::vector<std::string> found;
    for (const ResultHit& hit : reply.hits) found.push_back(hit.result.instance.sop_instance_uid);
    return found;
  }

  /// What the index answers, compared with reading the whole store. Half precision may swap those that are as similar.
  SearchReply answer(const SearchRequest& request) {
    constexpr float kAlike = 5e-4f;
    SearchReply reply = retrieval_->search(request);
    SearchRequest all = request;
    all.k = 1000;
    const SearchReply exact = search_store(*store_, all);
    EXPECT_EQ(reply.hits.size(), std::min(request.k, exact.hits.size()));
    for (std::size_t i = 0; i < reply.hits.size() && i < exact.hits.size(); ++i) {
      EXPECT_NEAR(reply.hits[i].score, exact.hits[i].score, kAlike) << "at rank " << i;
      const auto same = std::find_if(exact.hits.begin(), exact.hits.end(),
                                     [&](const ResultHit& hit) { return hit.result.row == reply.hits[i].result.row; });
      if (same == exact.hits.end()) {
        ADD_FAILURE() << "the hit at rank " << i << " should not be there";
      } else {
        EXPECT_NEAR(reply.hits[i].score, same->score, kAlike) << "at rank " << i;
      }
    }
    return reply;
  }

  TemporaryFolder folder_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Retrieval> retrieval_;
};

inline SearchRequest like(const std::string& sop_instance_uid, std::size_t k = 10) {
  SearchRequest request;
  request.positive.push_back(InstanceExample{sop_instance_uid});
  request.k = k;
  return request;
}

template <class Action>
ErrorCode refusal(const Action& action) {
  try {
    action();
  } catch (const Failure& failure) {
    return failure.error().code();
  }
  return ErrorCode::kCancelled;  // was not refused
}

}  // namespace chexworld::test
