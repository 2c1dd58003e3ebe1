// SPDX-License-Identifier: Apache-2.0
//
// Every damaged object of the set, each in a process of its own that is measured: what the manifest expects of it,
// in bounded time and memory.
#include "base/failure.h"
#include "dicom/decode.h"
#include "support/dicom_sets.h"

#include <gmock/gmock.h>

#include <map>
#include <set>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace chexworld {
namespace {

using test::DicomCase;

constexpr double kMostSeconds = 2.0;
constexpr double kMostBytes = 1.5e9;

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;  // its shadow memory needs all the address space
#else
constexpr bool kSanitized = false;
#endif

enum class Verdict : char { kAccepted = 'a', kDoubtful = 'd', kRejected = 'r' };

struct Outcome {
  bool ended_by_itself = false;
  Verdict verdict = Verdict::kAccepted;
  std::string message;
  double processor_seconds = 0;  // not wall time: the machine may be busy with something else
  double peak_bytes = 0;
};

/// One letter for the verdict, then the message.
std::string report_on(const std::filesystem::path& path) {
  const auto decoded = capture([&] {
    const DicomFile file = DicomFile::open(path);
    const DecodedFrame reduced = decode_frame(file, {.short_side = 32});
    const DecodedFrame full = decode_frame(file);
    return full.doubts.empty() ? reduced.doubts : full.doubts;
  });
  if (!decoded.ok()) return "r" + decoded.error().message();
  if (!decoded->empty()) return "d" + decoded->front();
  return "a";
}

[[noreturn]] void be_the_child(const std::filesystem::path& path, int answer) {
  if (!kSanitized) {
    const rlimit limit{rlim_t(kMostBytes), rlim_t(kMostBytes)};
    setrlimit(RLIMIT_AS, &limit);
  }
  const std::string report = report_on(path);
  const bool written = write(answer, report.data(), report.size()) == ssize_t(report.size());
  _exit(written ? 0 : 1);
}

std::string read_all(int descriptor) {
  std::string text;
  char buffer[4096];
  for (ssize_t n; (n = read(descriptor, buffer, sizeof buffer)) > 0;) text.append(buffer, std::size_t(n));
  return text;
}

double seconds_of(const timeval& time) { return double(time.tv_sec) + 1e-6 * double(time.tv_usec); }

Outcome examine(const std::filesystem::path& path) {
  int answer[2];
  if (pipe(answer) != 0) throw std::runtime_error("no pipe");
  const pid_t child = fork();
  if (child == 0) be_the_child(path, answer[1]);
  close(answer[1]);
  const std::string report = read_all(answer[0]);
  close(answer[0]);
  int status = 0;
  rusage usage{};
  wait4(child, &status, 0, &usage);
  Outcome outcome;
  outcome.processor_seconds = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
  outcome.peak_bytes = double(usage.ru_maxrss) * 1024;
  outcome.ended_by_itself = WIFEXITED(status) && WEXITSTATUS(status) == 0 && !report.empty();
  if (!outcome.ended_by_itself) return outcome;
  outcome.verdict = Verdict(report[0]);
  outcome.message = report.substr(1);
  return outcome;
}

/// `expected` is a list of allowed verdicts: "reject or degrade or accept".
bool allowed(const std::string& expected, Verdict verdict) {
  const char* word = verdict == Verdict::kRejected ? "reject" : verdict == Verdict::kDoubtful ? "degrade" : "accept";
  return expected.find(word) != std::string::npos;
}

/// What only the grayscale pipeline and the gate can see; they have tests of their own.
bool concerns_pixels(const DicomCase& item) {
  return item.row.at("category") != "tables" && item.row.at("category") != "identifiers";
}

TEST(DicomDamage, EveryDamagedObjectEndsAsTheManifestExpects) {
  if (!test::have_data()) GTEST_SKIP() << "no test data: set CHEXWORLD_DATA_DIR";
  const std::vector<DicomCase> cases = test::dicom_cases("invalid");
  std::size_t as_expected = 0, rejected = 0;
  std::set<std::string> messages;
  double slowest = 0, largest = 0;
  for (const DicomCase& item : cases) {
    SCOPED_TRACE(item.row.at("file") + ": " + item.row.at("what_is_wrong"));
    const Outcome outcome = examine(item.file);
    ASSERT_TRUE(outcome.ended_by_itself);
    std::printf("%-45s %c %s\n", item.row.at("file").c_str(), char(outcome.verdict), outcome.message.c_str());
    EXPECT_LT(outcome.processor_seconds, kMostSeconds);
    EXPECT_LT(outcome.peak_bytes, kMostBytes);
    slowest = std::max(slowest, outcome.processor_seconds);
    largest = std::max(largest, outcome.peak_bytes);
    const bool good = allowed(item.row.at("expected"), outcome.verdict) || !concerns_pixels(item);
    EXPECT_TRUE(good) << "expected " << item.row.at("expected") << ", got " << char(outcome.verdict) << ": "
                      << outcome.message;
    as_expected += good;
    if (outcome.verdict != Verdict::kRejected) continue;
    ++rejected;
    messages.insert(outcome.message);
  }
  test::report_coverage("damaged objects as expected", as_expected, cases.size());
  std::printf("%zu rejected with %zu different messages; slowest %.3f s, largest %.0f MB\n", rejected, messages.size(),
              slowest, largest / 1e6);
}

TEST(DicomDamage, MessagesQuoteNothingThatIdentifiesAPatient) {
  if (!test::have_data()) GTEST_SKIP() << "no test data: set CHEXWORLD_DATA_DIR";
  for (const DicomCase& item : test::dicom_cases("invalid")) {
    const std::string report = report_on(item.file);
    EXPECT_THAT(report, testing::Not(testing::AnyOf(testing::HasSubstr("TEST^"), testing::HasSubstr("CHEST0"),
                                                    testing::HasSubstr("2.25."))))
        << item.row.at("file");
  }
}

}  // namespace
}  // namespace chexworld
