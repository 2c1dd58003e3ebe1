// SPDX-License-Identifier: Apache-2.0
//
// Every object of the sets, and damaged copies of them, through decoder processes: always an answer, and the one this
// process would give. CHEXWORLD_MUTATIONS and CHEXWORLD_SEED say how many and which copies.
#include "base/file.h"
#include "sandbox/decoder.h"
#include "support/dicom_sets.h"
#include "support/mutate.h"
#include "unit/sandbox/made_radiograph.h"

#include <gmock/gmock.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>
#include <thread>

namespace chexworld {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kLargestBytes = 4u << 20;  // of an object worth damaging: more is only slower
constexpr double kMostGrowthBytes = 100e6;

std::uint64_t setting(const char* name, std::uint64_t fallback) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : fallback;
}

std::vector<std::filesystem::path> all_objects() {
  std::vector<std::filesystem::path> files;
  for (const char* set : {"cxr", "real", "wg04", "ignore", "invalid"})
    for (const test::DicomCase& item : test::dicom_cases(set)) files.push_back(item.file);
  return files;
}

/// "accepted", the gate's reason, or why there is no answer.
std::string outcome_of(const Result<PreparedRadiograph>& answer) {
  return std::string(answer.ok() ? name_of(answer->gate.reason) : decode_reason(answer.error()));
}

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double size = 0, resident = 0;
  statm >> size >> resident;
  return resident * 4096;
}

void print(const std::map<std::string, int>& tally) {
  for (const auto& [outcome, count] : tally) std::printf("%6d %s\n", count, outcome.c_str());
}

TEST(SandboxObjects, EveryObjectIsAnsweredAsHere) {
  if (!test::have_data()) GTEST_SKIP() << "no test data: set CHEXWORLD_DATA_DIR";
  const auto sandbox = make_sandboxed_decoder().value();
  const auto here = make_in_process_decoder();
  std::map<std::string, int> tally;
  for (const auto& file : all_objects()) {
    SCOPED_TRACE(file.filename().string());
    const auto answer = sandbox->decode(file, {}), expected = here->decode(file, {});
    EXPECT_EQ(outcome_of(answer), outcome_of(expected));
    if (answer.ok() && expected.ok()) {
      EXPECT_EQ(answer->pixels, expected->pixels);
      EXPECT_EQ(answer->tags.sop_instance_uid, expected->tags.sop_instance_uid);
      EXPECT_EQ(answer->quality, expected->quality);
    }
    ++tally[outcome_of(answer)];
  }
  print(tally);
  EXPECT_GT(tally["accepted"], 0);
}

TEST(SandboxObjects, DamagedCopiesNeverStopIt) {
  if (!test::have_data()) GTEST_SKIP() << "no test data: set CHEXWORLD_DATA_DIR";
  const std::uint64_t count = setting("CHEXWORLD_MUTATIONS", 300), seed = setting("CHEXWORLD_SEED", 1);
  std::vector<std::vector<std::byte>> originals;
  for (const auto& file : all_objects())
    if (std::filesystem::file_size(file) <= kLargestBytes) originals.push_back(read_file(file));
  ASSERT_FALSE(originals.empty());
  const auto sandbox = make_sandboxed_decoder({.processes = 2}).value();
  std::mutex mutex;
  std::map<std::string, int> tally;
  std::atomic<std::uint64_t> next = 0;
  double settled = 0;  // resident bytes once a third is done
  const auto work = [&] {
    for (std::uint64_t i = next++; i < count; i = next++) {
      std::mt19937_64 random(seed * 1'000'003 + i);
      const auto bytes = test::mutated(originals[random() % originals.size()], random);
      const std::string outcome = outcome_of(sandbox->decode(std::span<const std::byte>(bytes), {}));
      const std::scoped_lock lock(mutex);
      ++tally[outcome];
      if (i == count / 3) settled = resident_bytes();
    }
  };
  std::vector<std::jthread> callers;
  for (int i = 0; i < 2; ++i) callers.emplace_back(work);
  callers.clear();
  print(tally);
  const DecoderCounts counts = sandbox->counts();
  std::printf("%llu decoded, %llu crashed, %llu timed out, %llu out of memory, %llu processes\n",
              static_cast<unsigned long long>(counts.decoded), static_cast<unsigned long long>(counts.crashed),
              static_cast<unsigned long long>(counts.timed_out), static_cast<unsigned long long>(counts.out_of_memory),
              static_cast<unsigned long long>(counts.started));
  EXPECT_EQ(counts.decoded, count);
  EXPECT_LT(resident_bytes() - settled, kMostGrowthBytes);
  EXPECT_EQ(tally.count("unavailable"), 0u);
  const test::Bytes film = test::made_radiograph();
  EXPECT_EQ(outcome_of(sandbox->decode(std::span<const std::byte>(film), {})), "accepted");
}

}  // namespace
}  // namespace chexworld
