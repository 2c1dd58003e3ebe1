// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"
#include "clouds.h"
#include "support/temporary_folder.h"

#include <chexworld/result.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <gtest/gtest.h>
#include <limits>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace chexworld::test {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDimensions = 48;

IndexOptions options() {
  IndexOptions options;
  options.dimensions = kDimensions;
  options.findings = 2;
  options.links = 8;
  options.build_width = 40;
  return options;
}

RowAttributes some_attributes(std::uint64_t id) {
  RowAttributes row;
  row.view = std::uint8_t(id % 3);
  row.patient = id / 4 + 1;
  row.findings = {0.25f, 0.75f};
  return row;
}

std::vector<SearchAnswer> answers(const VectorIndex& index, const Vectors& queries, SearchMethod method) {
  std::vector<SearchAnswer> all;
  for (const auto& vector : queries) all.push_back(index.search(query_for(vector, method)));
  return all;
}

void expect_same_answers(const VectorIndex& a, const VectorIndex& b, const Vectors& queries) {
  for (const SearchMethod method : {SearchMethod::kScan, SearchMethod::kGraph}) {
    const auto left = answers(a, queries, method), right = answers(b, queries, method);
    for (std::size_t i = 0; i < queries.size(); ++i) EXPECT_EQ(left[i].hits, right[i].hits);
  }
}

class Persistence : public testing::Test {
 protected:
  Persistence() : vectors_(clouds(1500, kDimensions, 21)) {}

  /// Copied while another index object may hold the original.
  fs::path copy_of(const fs::path& folder, const std::string& name) {
    fs::copy(folder, folder_ / name, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    return folder_ / name;
  }

  fs::path make(std::size_t rows) {
    const fs::path folder = folder_ / "index";
    const auto index = VectorIndex::create(folder, options(), small());
    for (std::size_t i = 0; i < rows; ++i) index->upsert({i, vectors_[i], some_attributes(i)});
    index->set_position(rows);
    index->persist();
    return folder;
  }

  ErrorCode refusal(const fs::path& folder, bool verify = false) {
    try {
      VectorIndex::open(folder, {small().most_rows, verify});
    } catch (const Failure& failure) {
      return failure.error().code();
    }
    return ErrorCode::kCancelled;  // was not refused
  }

  TemporaryFolder folder_;
  Vectors vectors_;
};

TEST_F(Persistence, AnOpenedIndexIsTheOneThatWasWritten) {
  const fs::path folder = folder_ / "index";
  const auto index = VectorIndex::create(folder, options(), small());
  for (std::size_t i = 0; i < vectors_.size(); ++i) index->upsert({i, vectors_[i], some_attributes(i)});
  for (std::uint64_t id = 0; id < 300; ++id) index->erase(id * 5);
  index->set_position(77);
  index->persist();
  const auto opened = VectorIndex::open(copy_of(folder, "copy"), {small().most_rows, true});
  EXPECT_EQ(opened->size(), index->size());
  EXPECT_EQ(opened->ids(), index->ids());
  EXPECT_EQ(opened->position(), 77u);
  EXPECT_EQ(opened->options().links, options().links);
  EXPECT_EQ(opened->attributes(7)->patient, some_attributes(7).patient);
  expect_same_answers(*opened, *index, vectors_);
}

TEST_F(Persistence, AnOpenedIndexGoesOnGrowing) {
  const fs::path folder = make(700);
  const Vectors queries = take_queries(vectors_, 50);
  {
    const auto index = VectorIndex::open(folder, small());
    for (std::size_t i = 700; i < vectors_.size(); ++i) index->upsert({i, vectors_[i], {}});
    index->persist();
  }
  const auto index = VectorIndex::open(folder, small());
  EXPECT_EQ(index->size(), vectors_.size());
  double sum = 0;
  for (const auto& vector : queries)
    sum += recall(ids_of(index->search(query_for(vector, SearchMethod::kGraph))),
                  nearest(vectors_, vector, 10, [](std::size_t) { return true; }));
  EXPECT_GE(sum / double(queries.size()), 0.98);
}

TEST_F(Persistence, ChangesAfterPersistAreLostAndSoIsTheirPosition) {
  const fs::path folder = make(100);
  {
    const auto index = VectorIndex::open(folder, small());
    index->upsert({500, vectors_[500], {}});
    index->erase(3);
    index->set_position(102);
  }
  const auto index = VectorIndex::open(folder, small());
  EXPECT_EQ(index->position(), 100u);
  EXPECT_FALSE(index->contains(500));
  EXPECT_TRUE(index->contains(3));
}

TEST_F(Persistence, ErasedRowsLeaveNoTraceAndTheirPlacesAreUsedAgain) {
  const fs::path folder = make(200);
  const auto index = VectorIndex::open(folder, small());
  const auto size_before = fs::file_size(folder / "vectors.f32");
  for (std::uint64_t id = 0; id < 200; id += 2) index->erase(id);
  index->persist();
  std::vector<std::byte> bytes = read_file(folder / "vectors.f32");
  std::size_t zero_rows = 0;
  for (std::size_t row = 0; row < 200; ++row) {
    const auto* first = bytes.data() + 4096 + row * kDimensions * sizeof(float);
    zero_rows +=
        std::all_of(first, first + kDimensions * sizeof(float), [](std::byte byte) { return byte == std::byte{0}; });
  }
  EXPECT_EQ(zero_rows, 100u);
  for (std::uint64_t id = 1000; id < 1100; ++id) index->upsert({id, vectors_[id], {}});
  index->persist();
  EXPECT_EQ(fs::file_size(folder / "vectors.f32"), size_before);
  std::size_t found = 0;
  for (std::uint64_t id = 1000; id < 1100; ++id)
    found += ids_of(index->search(query_for(vectors_[id], SearchMethod::kGraph)))[0] == id;
  EXPECT_GE(found, 99u);
}

TEST_F(Persistence, TheGraphSurvivesLosingMostOfItsRows) {
  const Vectors queries = take_queries(vectors_, 50);
  const fs::path folder = make(vectors_.size());
  const auto index = VectorIndex::open(folder, small());
  for (std::size_t i = 0; i < vectors_.size(); ++i)
    if (i % 10 != 0) index->erase(i);
  index->persist();
  double sum = 0;
  for (const auto& vector : queries)
    sum += recall(ids_of(index->search(query_for(vector, SearchMethod::kGraph))),
                  nearest(vectors_, vector, 10, [](std::size_t i) { return i % 10 == 0; }));
  EXPECT_GE(sum / double(queries.size()), 0.98);
  for (std::size_t i = 0; i < vectors_.size(); i += 10) index->erase(i);
  index->persist();
  EXPECT_TRUE(index->search(query_for(queries[0], SearchMethod::kGraph)).hits.empty());
  index->upsert({5, vectors_[5], {}});
  EXPECT_EQ(ids_of(index->search(query_for(queries[0], SearchMethod::kGraph))), std::vector<std::uint64_t>{5});
}

TEST_F(Persistence, TwoOwnersOfOneFolderAreRefused) {
  const fs::path folder = make(10);
  const auto index = VectorIndex::open(folder, small());
  EXPECT_EQ(refusal(folder), ErrorCode::kConflict);
}

TEST_F(Persistence, MissingCutOffAndForeignFilesAreRefused) {
  const fs::path folder = make(300);
  EXPECT_EQ(refusal(folder_ / "nowhere"), ErrorCode::kNotFound);
  const auto size = fs::file_size(folder / "index.chx");
  for (std::uintmax_t kept : {std::uintmax_t{0}, std::uintmax_t{100}, size / 2, size - 4096}) {
    const fs::path broken = copy_of(folder, "cut");
    fs::resize_file(broken / "index.chx", kept);
    EXPECT_EQ(refusal(broken), ErrorCode::kMalformed) << kept;
  }
  const fs::path no_vectors = copy_of(folder, "no-vectors");
  fs::remove(no_vectors / "vectors.f32");
  EXPECT_EQ(refusal(no_vectors), ErrorCode::kNotFound);
  const fs::path short_vectors = copy_of(folder, "short-vectors");
  fs::resize_file(short_vectors / "vectors.f32", 5000);
  EXPECT_EQ(refusal(short_vectors), ErrorCode::kMalformed);
  VectorIndex::create(folder_ / "other", options(), small());
  const fs::path mixed = copy_of(folder, "mixed");
  fs::copy_file(folder_ / "other" / "vectors.f32", mixed / "vectors.f32", fs::copy_options::overwrite_existing);
  EXPECT_EQ(refusal(mixed), ErrorCode::kMalformed);
}

// Every flipped byte is either noticed or lies in the codes (noticed on request) or in padding.
TEST_F(Persistence, FlippedBytesAreNoticed) {
  const fs::path folder = make(300);
  const std::vector<std::byte> good = read_file(folder / "index.chx");
  std::mt19937 random(22);
  const fs::path broken = copy_of(folder, "flipped");
  std::size_t refused = 0;
  for (int round = 0; round < 300; ++round) {
    std::vector<std::byte> bad = good;
    const std::size_t place = round < 150 ? random() % 1200 : random() % bad.size();
    bad[place] ^= std::byte(1 << random() % 8);
    std::ofstream(broken / "index.chx", std::ios::binary)
        .write(reinterpret_cast<const char*>(bad.data()), std::streamsize(bad.size()));
    const ErrorCode quick = refusal(broken), full = refusal(broken, true);
    if (place < 1100) {
      EXPECT_NE(quick, ErrorCode::kCancelled) << place;
    }
    refused += full != ErrorCode::kCancelled;
    if (quick == ErrorCode::kCancelled) {  // usable, then
      const auto index = VectorIndex::open(broken, small());
      EXPECT_EQ(index->search(query_for(vectors_[0], SearchMethod::kGraph)).hits.size(), 10u);
    }
  }
  EXPECT_GE(refused, 200u);
}

// A hostile file has right checksums. Links, counts and entries that lead out of the index must still be refused.
TEST_F(Persistence, LinksThatLeadNowhereAreRefused) {
  const fs::path folder = make(300);
  const auto header = read_snapshot_header(folder / "index.chx");
  GraphLayer layer(0, options().links * 2, 1024);
  layer.column().grow(300);
  EXPECT_NO_THROW(layer.check(300, 300, 0));
  const std::array<std::uint32_t, 1> beyond{300};
  layer.set_links(7, beyond);
  EXPECT_THROW(layer.check(300, 300, 0), Failure);
  GraphLayer upper(1, options().links, 1024);
  upper.column().grow(10);
  for (std::uint32_t i = 0; i < 10; ++i) upper.describe(i, i, i);
  EXPECT_NO_THROW(upper.check(10, 300, 300));
  EXPECT_THROW(upper.check(10, 9, 300), Failure);
  EXPECT_THROW(upper.check(10, 300, 9), Failure);
  upper.free(4);
  EXPECT_NO_THROW(upper.check(10, 300, 300));
  const std::array<std::uint32_t, 1> to_free{4};
  upper.set_links(3, to_free);
  EXPECT_THROW(upper.check(10, 300, 300), Failure);
  EXPECT_EQ(header.rows, 300u);
}

TEST_F(Persistence, ADamagedVectorCostsItsExactScoreOnly) {
  const fs::path folder = make(300);
  {
    std::fstream file(folder / "vectors.f32", std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(4096 + 5 * kDimensions * sizeof(float));
    const std::vector<float> not_numbers(kDimensions, std::numeric_limits<float>::quiet_NaN());
    file.write(reinterpret_cast<const char*>(not_numbers.data()), kDimensions * sizeof(float));
  }
  const auto index = VectorIndex::open(folder, small());
  const SearchAnswer answer = index->search(query_for(vectors_[5]));
  EXPECT_EQ(answer.hits[0].id, 5u);
  EXPECT_NEAR(answer.hits[0].score, 1, 0.01);
}

/// A child that does not return to the test.
template <class Action>
pid_t in_child(const Action& action) {
  const pid_t child = fork();
  if (child == 0) {
    action();
    _exit(0);
  }
  return child;
}

TEST_F(Persistence, KilledAtAnyMomentItOpensWithAWholeState) {
  const fs::path folder = make(200);
  std::mt19937 random(23);
  for (int round = 0; round < 40; ++round) {
    const pid_t child = in_child([&] {
      const auto index = VectorIndex::open(folder, small());
      for (;;) {  // position p: the rows p-199 to p
        const std::uint64_t next = index->position();
        for (std::uint64_t i = next; i < next + 10; ++i) {
          index->upsert({i, vectors_[i % vectors_.size()], some_attributes(i)});
          index->erase(i - 200);
        }
        index->set_position(next + 10);
        index->persist();
      }
    });
    usleep(useconds_t(2000 + random() % 30000));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    const auto index = VectorIndex::open(folder, {small().most_rows, true});
    const std::uint64_t position = index->position();
    ASSERT_EQ(index->size(), 200u);
    const std::vector<std::uint64_t> ids = index->ids();
    EXPECT_EQ(ids.front(), position - 200);
    EXPECT_EQ(ids.back(), position - 1);
    const std::uint64_t probe = ids[random() % ids.size()];
    const SearchAnswer answer = index->search(query_for(vectors_[probe % vectors_.size()], SearchMethod::kScan));
    EXPECT_EQ(answer.hits[0].id, probe);
    EXPECT_NEAR(answer.hits[0].score, 1, 1e-3);
  }
  for (const auto& entry : fs::directory_iterator(folder))  // a killed writer leaves its unfinished file behind
    if (entry.path().filename().string().find(".partial-") != std::string::npos) fs::remove(entry.path());
}

TEST_F(Persistence, AFullDiskIsAClearErrorAndTheIndexGoesOn) {
  const fs::path folder = make(100);
  const pid_t child = in_child([&] {
    const auto index = VectorIndex::open(folder, small());
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{8192, 8192};  // every file: as on a full disk, writing beyond fails
    setrlimit(RLIMIT_FSIZE, &limit);
    bool persist_failed = false, upsert_failed = false;
    try {
      index->persist();
    } catch (const Failure&) {
      persist_failed = true;
    }
    try {
      index->upsert({1000, vectors_[1000], {}});
    } catch (const Failure&) {
      upsert_failed = true;
    }
    const bool searches = index->search(query_for(vectors_[3])).hits[0].id == 3;
    _exit(persist_failed && upsert_failed && searches && index->size() == 100 ? 0 : 1);
  });
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(VectorIndex::open(folder, small())->size(), 100u);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 2) << "a partial file was left";
}

}  // namespace
}  // namespace chexworld::test
