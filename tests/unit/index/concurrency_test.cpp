// SPDX-License-Identifier: Apache-2.0
#include "clouds.h"
#include "index/id_table.h"
#include "support/temporary_folder.h"

#include <atomic>
#include <gtest/gtest.h>
#include <map>
#include <thread>

namespace chexworld::test {
namespace {

constexpr std::size_t kDimensions = 64;

IndexOptions options() {
  IndexOptions options;
  options.dimensions = kDimensions;
  options.findings = 1;
  options.build_width = 60;
  return options;
}

TEST(Concurrency, ManyThreadsInsertAsWellAsOne) {
  TemporaryFolder folder;
  Vectors vectors = clouds(4050, kDimensions, 31);
  const Vectors queries = take_queries(vectors, 50);
  const auto index = VectorIndex::create(folder / "index", options(), small());
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        for (std::size_t i = t; i < vectors.size(); i += 4) index->upsert({i, vectors[i], {}});
      });
  }
  EXPECT_EQ(index->size(), vectors.size());
  double sum = 0;
  for (const auto& vector : queries)
    sum += recall(ids_of(index->search(query_for(vector, SearchMethod::kGraph))),
                  nearest(vectors, vector, 10, [](std::size_t) { return true; }));
  EXPECT_GE(sum / double(queries.size()), 0.98);
}

// Rows 0 to 499 stay; the others come and go. Searches see whole rows only, and always those that stay.
TEST(Concurrency, SearchesGoOnWhileRowsComeGoChangeAndArePersisted) {
  TemporaryFolder folder;
  const Vectors vectors = clouds(1500, kDimensions, 32);
  const auto index = VectorIndex::create(folder / "index", options(), small());
  for (std::size_t i = 0; i < 500; ++i) index->upsert({i, vectors[i], {}});
  std::atomic<bool> stop{false};
  std::atomic<std::size_t> searches{0}, wrong{0};
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < 2; ++t)
      threads.emplace_back([&, t] {
        std::mt19937 random{unsigned(t)};
        while (!stop) {
          const std::size_t which = random() % 500;
          SearchQuery query = query_for(vectors[which], random() % 2 ? SearchMethod::kGraph : SearchMethod::kScan);
          if (random() % 2) query.filter.views = {0, 1};
          const SearchAnswer answer = index->search(query);
          const auto ids = ids_of(answer);
          wrong += answer.hits.empty() || answer.hits[0].score < 0.99f ||
                   std::find(ids.begin(), ids.end(), which) == ids.end() ||
                   std::set<std::uint64_t>(ids.begin(), ids.end()).size() != ids.size();
          ++searches;
        }
      });
    std::vector<std::jthread> writers;
    for (std::size_t t = 0; t < 2; ++t)
      writers.emplace_back([&, t] {
        std::mt19937 random{unsigned(100 + t)};
        for (int step = 0; step < 1500; ++step) {
          const std::uint64_t id = 500 + random() % 1000;
          RowAttributes attributes;
          attributes.view = std::uint8_t(random() % 3);
          if (random() % 3 == 0) {
            index->erase(id);
          } else {
            index->upsert({id, vectors[id], attributes});
          }
          if (step % 300 == 299) index->persist();
        }
      });
    writers.clear();
    stop = true;
  }
  EXPECT_GT(searches, 0u);
  EXPECT_LE(wrong, searches / 500);  // the graph may miss one in a while
  EXPECT_EQ(index->ids().size(), index->size());
}

TEST(Concurrency, OneIdFromManyThreadsIsOneRow) {
  TemporaryFolder folder;
  const Vectors vectors = clouds(200, kDimensions, 33);
  const auto index = VectorIndex::create(folder / "index", options(), small());
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (const auto& vector : vectors) index->upsert({42, vector, {}});
      });
  }
  EXPECT_EQ(index->size(), 1u);
  EXPECT_EQ(index->ids(), std::vector<std::uint64_t>{42});
  EXPECT_EQ(ids_of(index->search(query_for(vectors[0], SearchMethod::kScan))), std::vector<std::uint64_t>{42});
}

TEST(IdTable, BehavesLikeAMap) {
  std::vector<std::uint64_t> id_of_row;
  IdTable table([&](std::uint32_t row) { return id_of_row[row]; });
  std::map<std::uint64_t, std::uint32_t> expected;
  std::mt19937 random(34);
  for (int step = 0; step < 20000; ++step) {
    const std::uint64_t id = random() % 700;
    const auto known = expected.find(id);
    const std::optional<std::uint32_t> before = known == expected.end() ? std::nullopt : std::optional(known->second);
    if (random() % 2) {
      id_of_row.push_back(id);
      EXPECT_EQ(table.put(std::uint32_t(id_of_row.size() - 1)), before);
      expected[id] = std::uint32_t(id_of_row.size() - 1);
    } else {
      EXPECT_EQ(table.take(id), before);
      expected.erase(id);
    }
    ASSERT_EQ(table.size(), expected.size());
  }
  for (std::uint64_t id = 0; id < 700; ++id) {
    const auto known = expected.find(id);
    EXPECT_EQ(table.find(id), known == expected.end() ? std::nullopt : std::optional(known->second));
  }
}

}  // namespace
}  // namespace chexworld::test
