// SPDX-License-Identifier: Apache-2.0
//
// Objects that crash, hang or flood their decoder cost themselves and nobody else.
#include "sandbox/decoder.h"
#include "support/process.h"
#include "support/sanitized.h"
#include "support/temporary_folder.h"
#include "unit/sandbox/made_radiograph.h"

#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace chexworld {
namespace {

using namespace std::chrono_literals;
using test::Bytes;
using test::kSanitized;
using testing::HasSubstr;

SandboxOptions troubled(int processes = 1) {
  SandboxOptions options;
  options.executable = CHEXWORLD_TROUBLED_DECODER;
  options.processes = processes;
  options.deadline = 20s;
  return options;
}

class Sandbox {
 public:
  explicit Sandbox(const SandboxOptions& options = troubled()) : decoder_(make_sandboxed_decoder(options).value()) {}

  Result<PreparedRadiograph> trouble(const std::string& what) {
    const std::string text = "TROUBLE " + what;
    return decoder_->decode(std::as_bytes(std::span(text)), {});
  }
  Result<PreparedRadiograph> radiograph() { return decoder_->decode(std::span<const std::byte>(film_), {}); }
  void expect_alive() {
    const auto answer = radiograph();
    EXPECT_TRUE(answer.ok()) << answer.error().message();
  }
  RadiographDecoder& operator*() { return *decoder_; }
  RadiographDecoder* operator->() { return decoder_.get(); }

 private:
  std::unique_ptr<RadiographDecoder> decoder_;
  Bytes film_ = test::made_radiograph();
};

std::string reason_of(const Result<PreparedRadiograph>& answer) {
  return answer.ok() ? "answered" : std::string(decode_reason(answer.error()));
}

/// Processes whose parent we are.
std::set<pid_t> children() {
  std::set<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream stat(entry.path() / "stat");
    std::string line;
    if (!std::getline(stat, line)) continue;
    const std::size_t name_end = line.rfind(')');
    if (name_end == std::string::npos) continue;
    char state = 0;
    int parent = 0;
    if (std::sscanf(line.c_str() + name_end + 1, " %c %d", &state, &parent) == 2 && parent == getpid())
      found.insert(std::stoi(line));
  }
  return found;
}

/// Gone, or waiting to be reaped.
bool has_ended(pid_t process) {
  const std::string stat = test::text_of("/proc/" + std::to_string(process) + "/stat");
  const std::size_t name_end = stat.rfind(')');
  return name_end == std::string::npos || stat.substr(name_end, 3) == ") Z";
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

TEST(Sandbox, AnswersAsTheProcessItselfWould) {
  Sandbox sandbox;
  const Bytes film = test::made_radiograph();
  const auto elsewhere = sandbox.radiograph();
  const auto here = make_in_process_decoder()->decode(std::span<const std::byte>(film), {});
  ASSERT_TRUE(elsewhere.ok()) << elsewhere.error().message();
  EXPECT_EQ(elsewhere->pixels, here->pixels);
  EXPECT_EQ(elsewhere->tags.sop_instance_uid, here->tags.sop_instance_uid);
  EXPECT_EQ(elsewhere->tags.date, here->tags.date);
  EXPECT_EQ(elsewhere->attributes.decoder, here->attributes.decoder);
  EXPECT_TRUE(elsewhere->film.pixels.empty());
  const auto film_elsewhere = sandbox->decode(std::span<const std::byte>(film), {}, 64);
  const auto film_here = make_in_process_decoder()->decode(std::span<const std::byte>(film), {}, 64);
  ASSERT_TRUE(film_elsewhere.ok()) << film_elsewhere.error().message();
  EXPECT_EQ(film_elsewhere->film.pixels, film_here->film.pixels);
  EXPECT_EQ(film_elsewhere->film.width, film_here->film.width);
  EXPECT_EQ(film_elsewhere->window, film_here->window);
  EXPECT_EQ(film_elsewhere->pixels, here->pixels);
  EXPECT_EQ(elsewhere->quality, here->quality);
}

TEST(Sandbox, ACrashCostsOneObject) {
  Sandbox sandbox;
  for (const char* what : {"crash", "abort", "exit", "throw"}) {
    EXPECT_EQ(reason_of(sandbox.trouble(what)), "decoder-crashed") << what;
    sandbox.expect_alive();
  }
  EXPECT_EQ(sandbox->counts().crashed, 4u);
  const std::string sentence = sandbox.trouble("crash").error().message();
  if (!kSanitized) {
    EXPECT_THAT(sentence, HasSubstr("signal 11"));
  }
}

TEST(Sandbox, AHangIsCutShort) {
  SandboxOptions options = troubled();
  options.deadline = 300ms;
  Sandbox sandbox(options);
  for (const char* what : {"hang", "spin"}) {
    EXPECT_EQ(reason_of(sandbox.trouble(what)), "decoder-timeout") << what;
    EXPECT_EQ(reason_of(sandbox.trouble("nothing")), "answered");
  }
  EXPECT_EQ(sandbox->counts().timed_out, 2u);
}

TEST(Sandbox, ExhaustedMemoryCostsOneObject) {
  if (kSanitized) GTEST_SKIP() << "the sanitizers need the address space";
  SandboxOptions options = troubled();
  options.memory_bytes = 1ull << 30;
  Sandbox sandbox(options);
  EXPECT_EQ(reason_of(sandbox.trouble("eat")), "decoder-memory");
  sandbox.expect_alive();
  EXPECT_EQ(reason_of(sandbox.trouble("killed")), "decoder-memory");
  sandbox.expect_alive();
  EXPECT_EQ(sandbox->counts().out_of_memory, 2u);
}

TEST(Sandbox, LiesAreNotBelieved) {
  Sandbox sandbox;
  for (const char* what : {"magic", "length", "pixels", "json", "verdict", "missing", "error", "empty"}) {
    EXPECT_EQ(reason_of(sandbox.trouble(std::string("lie ") + what)), "decoder-crashed") << what;
    sandbox.expect_alive();
  }
}

TEST(Sandbox, WallsHold) {
  if (kSanitized) GTEST_SKIP() << "the sanitizers need the system calls";
  Sandbox sandbox;
  for (const char* what : {"open", "create", "signal", "code", "descriptors"}) {
    const auto answer = sandbox.trouble(std::string("escape ") + what);
    ASSERT_TRUE(answer.ok()) << what << ": " << answer.error().message();
    EXPECT_EQ(answer->gate.detail, "held") << what;
  }
  for (const char* what : {"socket", "execute"})
    EXPECT_EQ(reason_of(sandbox.trouble(std::string("escape ") + what)), "decoder-crashed") << what;
  const auto forked = sandbox.trouble("escape fork");
  EXPECT_TRUE(!forked.ok() || forked->gate.detail == "held");
  EXPECT_FALSE(std::filesystem::exists("/tmp/chexworld-escaped"));
}

TEST(Sandbox, NeighboursOfTroubleAreNotTouched) {
  SandboxOptions options = troubled(2);
  options.deadline = 1s;
  Sandbox sandbox(options);
  std::vector<std::jthread> callers;
  std::atomic<int> good = 0, bad = 0;
  for (int i = 0; i < 4; ++i)
    callers.emplace_back([&, i] {
      for (int j = 0; j < 10; ++j)
        if ((i + j) % 4 == 0)
          bad += !sandbox.trouble(j % 2 ? "crash" : "abort").ok();
        else
          good += sandbox.radiograph().ok();
    });
  callers.clear();
  EXPECT_EQ(bad, 10);
  EXPECT_EQ(good, 30);
}

TEST(Sandbox, LeavesNoProcessAndNoDescriptorBehind) {
  const std::size_t before = open_descriptors();
  const auto others = children();
  {
    Sandbox sandbox(troubled(2));
    sandbox.expect_alive();
    const std::size_t during = open_descriptors();
    for (int i = 0; i < 20; ++i) EXPECT_EQ(reason_of(sandbox.trouble(i % 2 ? "crash" : "exit")), "decoder-crashed");
    sandbox.expect_alive();
    EXPECT_LE(children().size(), others.size() + 3);  // two at work, one perhaps about to start
    EXPECT_LE(open_descriptors(), during + 8);
  }
  EXPECT_EQ(children(), others);
  EXPECT_EQ(open_descriptors(), before);
}

TEST(Sandbox, IsRenewedAfterItsShareOfObjects) {
  SandboxOptions options = troubled();
  options.objects_per_process = 5;
  Sandbox sandbox(options);
  for (int i = 0; i < 20; ++i) ASSERT_EQ(reason_of(sandbox.trouble("nothing")), "answered") << i;
  EXPECT_GE(sandbox->counts().started, 4u);
  EXPECT_EQ(sandbox->counts().crashed, 0u);
}

TEST(Sandbox, AProcessKilledWhileIdleCostsNothing) {
  const auto others = children();
  Sandbox sandbox;
  for (int i = 0; i < 3; ++i) {
    for (const pid_t child : children()) {
      if (others.contains(child)) continue;
      kill(child, SIGKILL);
      EXPECT_TRUE(test::wait_until([&] { return has_ended(child); }, 20s));
    }
    sandbox.expect_alive();
  }
}

TEST(Sandbox, SaysWhatIsMissing) {
  SandboxOptions options;
  options.executable = "/nowhere/chexworld-decoder";
  const auto absent = make_sandboxed_decoder(options);
  ASSERT_FALSE(absent.ok());
  EXPECT_EQ(absent.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(absent.error().message(), HasSubstr("/nowhere/chexworld-decoder"));
  options.executable = "/bin/true";
  EXPECT_THAT(make_sandboxed_decoder(options).error().message(), HasSubstr("ended with status 0"));
  options.processes = 0;
  EXPECT_EQ(make_sandboxed_decoder(options).error().code(), ErrorCode::kInvalidArgument);
}

TEST(Sandbox, ChildrenDieWithAKilledParent) {
  const test::TemporaryFolder folder;
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t parent = fork();
  if (parent == 0) {
    close(ends[0]);
    SandboxOptions options = troubled();
    auto decoder = make_sandboxed_decoder(options);
    const pid_t child = children().empty() ? 0 : *children().begin();
    const std::string text = "TROUBLE spin";
    std::thread busy([&] { static_cast<void>((*decoder)->decode(std::as_bytes(std::span(text)), {})); });
    std::this_thread::sleep_for(50ms);
    static_cast<void>(!write(ends[1], &child, sizeof child));
    raise(SIGKILL);
  }
  close(ends[1]);
  pid_t child = 0;
  ASSERT_EQ(read(ends[0], &child, sizeof child), ssize_t(sizeof child));
  close(ends[0]);
  int status = 0;
  waitpid(parent, &status, 0);
  ASSERT_GT(child, 0);
  EXPECT_TRUE(
      test::wait_until([&] { return !std::filesystem::exists("/proc/" + std::to_string(child) + "/fd/3"); }, 5s));
}

}  // namespace
}  // namespace chexworld
