// SPDX-License-Identifier: Apache-2.0
//
// Malformed objects posted to a running worker: it never stops answering, its memory stays flat, each has its reason.
// CHEXWORLD_MUTATIONS says how many damaged copies, CHEXWORLD_SEED which.
#include "base/file.h"
#include "serve_load.h"
#include "support/dicom_sets.h"
#include "support/mutate.h"
#include "support/sanitized.h"

#include <gmock/gmock.h>
#include <map>

namespace chexworld::test {
namespace {

constexpr std::uintmax_t kLargestBytes = 4u << 20;
constexpr std::uint64_t kMostGrowthBytes = 96u << 20;

std::string text_from(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Why there is (not) an embedding; empty where the answer does not say.
std::string reason_of(const ClientAnswer& answer) {
  const Json json = answer.json();
  if (answer.status == 200) return json["gate"]["reason"].get<std::string>();
  if (answer.status < 400 || !json.is_object() || !json["error"].contains("details")) return "";
  return json["error"]["details"]["reason_code"].get<std::string>();
}

class ServeObjects : public testing::Test {
 protected:
  void SetUp() override {
    if (!have_data()) GTEST_SKIP() << "no test data: set CHEXWORLD_DATA_DIR";
  }

  void post(HttpClient& client, const std::string& bytes, const std::string& what) {
    const std::string target = "/v1/instances?server=s&orthanc-instance=" + what;
    const ClientAnswer answer = client.post(target, bytes);
    const std::string reason = answer.status == 0 ? "" : reason_of(answer);
    if (reason.empty()) told_.complain(what + ": status " + std::to_string(answer.status) + " " + answer.body);
    const std::lock_guard lock(mutex_);
    ++tally_[reason];
  }

  void print_tally() const {
    for (const auto& [reason, count] : tally_) std::printf("%6d %s\n", count, reason.c_str());
  }

  WorkerModels models_{1};
  WorkerServer server_{{"--model", models_.path(0).string(), "--precision", "f32", "--streams", "1"}};
  Told told_;
  std::mutex mutex_;
  std::map<std::string, int> tally_;  // guarded by mutex_ while clients run
};

TEST_F(ServeObjects, EachMalformedObjectHasItsReason) {
  HttpClient client = server_.client();
  const std::vector<DicomCase> cases = dicom_cases("invalid");
  ASSERT_FALSE(cases.empty());
  for (std::size_t i = 0; i < cases.size(); ++i) {
    post(client, text_from(read_file(cases[i].file)), "invalid-" + std::to_string(i));
    ASSERT_EQ(client.get("/v1/status").status, 200) << "after " << cases[i].file.filename();
  }
  print_tally();
  EXPECT_THAT(told_.complaints(), testing::IsEmpty());
  const std::size_t failures = client.get("/v1/failures?limit=10000").json()["failures"].size();
  EXPECT_EQ(failures + std::size_t(tally_["accepted"]), cases.size()) << "each is remembered with its reason";
  EXPECT_EQ(client.post("/v1/instances", film_bytes(0)).status, 200);
}

TEST_F(ServeObjects, DamagedCopiesStopNothing) {
  const std::uint64_t count = setting("CHEXWORLD_MUTATIONS", 200), seed = setting("CHEXWORLD_SEED", 1);
  std::vector<std::vector<std::byte>> originals;
  for (const char* set : {"wg04", "cxr", "real", "ignore"})
    for (const DicomCase& one : dicom_cases(set))
      if (std::filesystem::file_size(one.file) <= kLargestBytes) originals.push_back(read_file(one.file));
  ASSERT_FALSE(originals.empty());
  std::atomic<std::uint64_t> settled = 0;
  Load load(server_, 2, [&](HttpClient& client, int step) {
    if (std::uint64_t(step) >= count) return false;
    if (std::uint64_t(step) == count / 3) settled = server_.resident_bytes();
    std::mt19937_64 random(seed * 1'000'003 + std::uint64_t(step));
    post(client, text_from(mutated(originals[random() % originals.size()], random)), "copy-" + std::to_string(step));
    return true;
  });
  HttpClient watcher = server_.client();
  while (load.steps() < int(count)) {
    ASSERT_EQ(watcher.get("/v1/status").status, 200);
    pause(std::chrono::milliseconds(200));
  }
  load.stop();
  print_tally();
  std::printf("resident %.0f MiB at a third, %.0f MiB at the end\n", double(settled) / (1 << 20),
              double(server_.resident_bytes()) / (1 << 20));
  EXPECT_THAT(told_.complaints(), testing::IsEmpty());
  if (!kSanitized) {
    EXPECT_LT(server_.resident_bytes(), settled + kMostGrowthBytes);
  }
  EXPECT_EQ(watcher.post("/v1/instances", film_bytes(0)).status, 200);
}

}  // namespace
}  // namespace chexworld::test
