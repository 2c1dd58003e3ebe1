// SPDX-License-Identifier: Apache-2.0
//
// PostgreSQL that goes away, and a disk that fills up.
#include "base/failure.h"
#include "support/store_backend.h"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <gmock/gmock.h>
#include <pwd.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

namespace chexworld::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;

std::chrono::seconds outage_wanted() {
  const char* text = std::getenv("CHEXWORLD_OUTAGE_SECONDS");
  return std::chrono::seconds(text == nullptr ? 3 : std::atoi(text));
}

int cuts_wanted() {
  const char* text = std::getenv("CHEXWORLD_CUTS");
  return text == nullptr ? 10 : std::atoi(text);
}

/// Commits objects 1, 2, ... until stopped; a commit that throws ends it.
class SteadyWriter {
 public:
  explicit SteadyWriter(const std::string& location)
      : thread_([this, location](const std::stop_token& stop) {
          const auto store = open_store(location, StoreOptions{.patience = 5min});
          for (int number = 1; !stop.stop_requested(); ++number) {
            const auto result = capture([&] { store->commit({{sample_outcome(number, sample_model())}, {}, {}, {}}); });
            if (!result.ok()) {
              complaint_ = result.error().message();
              return;
            }
            acknowledged_ = number;
          }
        }) {}

  int acknowledged() const { return acknowledged_; }
  std::string finish() {
    thread_.request_stop();
    thread_.join();
    return complaint_;
  }

 private:
  std::atomic<int> acknowledged_ = 0;
  std::string complaint_;
  std::jthread thread_;
};

class PostgresOutage : public testing::Test {
 protected:
  void SetUp() override { open_store(location_)->add_model(model_); }
  void expect_all(int acknowledged) {
    const auto store = open_store(location_);
    int number = 0;
    for (const Change& change : store->changes(model_.model_id, 0, 1'000'000).changes)
      EXPECT_EQ(change.result->instance, sample_instance(++number));
    EXPECT_EQ(store->models()[0].results, std::uint64_t(acknowledged));
    EXPECT_EQ(store->models()[0].last_sequence, std::uint64_t(acknowledged));  // no transaction ran twice
    EXPECT_THAT(store->verify(), IsEmpty());
  }

  PostgresBackend backend_;
  const ModelRecord model_ = sample_model();
  const std::string location_ = backend_.fresh_location();
};

TEST_F(PostgresOutage, IsWaitedFor) {
  SteadyWriter writer(location_);
  ASSERT_TRUE(wait_until([&] { return writer.acknowledged() > 20; }, 30s));
  backend_.server().stop();
  const int before = writer.acknowledged();
  pause(std::chrono::milliseconds(outage_wanted()));
  EXPECT_LE(writer.acknowledged(), before + 1);
  backend_.server().start();
  EXPECT_TRUE(wait_until([&] { return writer.acknowledged() > before + 20; }, 30s));
  EXPECT_EQ(writer.finish(), "");
  expect_all(writer.acknowledged());
}

TEST_F(PostgresOutage, ConnectionsCutAtRandomMomentsLoseAndDoubleNothing) {
  SteadyWriter writer(location_);
  const auto observer = open_store(location_);
  for (int cut = 0; cut < cuts_wanted(); ++cut) {
    pause(std::chrono::milliseconds(7 + cut * 13 % 40));
    backend_.server().query(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname LIKE 'store%'");
    const std::uint64_t stored = observer->models()[0].results;  // before asking the writer, who goes on
    EXPECT_LE(stored, std::uint64_t(writer.acknowledged()) + 1);
  }
  const int before = writer.acknowledged();
  EXPECT_TRUE(wait_until([&] { return writer.acknowledged() > before; }, 30s));
  EXPECT_EQ(writer.finish(), "");
  expect_all(writer.acknowledged());
}

TEST_F(PostgresOutage, LongerThanThePatienceIsOneClearError) {
  const auto store = open_store(location_, StoreOptions{.patience = 300ms});
  backend_.server().stop();
  const auto result = capture([&] { store->commit({{sample_outcome(1, model_)}, {}, {}, {}}); });
  EXPECT_EQ(result.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(result.error().message(), HasSubstr("PostgreSQL"));
  EXPECT_EQ(capture([&] { return open_store(location_); }).error().code(), ErrorCode::kUnavailable);
  backend_.server().start();
  store->commit({{sample_outcome(1, model_)}, {}, {}, {}});
  expect_all(1);
}

TEST_F(PostgresOutage, AStatementThatTakesTooLongIsEnded) {
  const auto store = open_store(location_, StoreOptions{.statement_timeout = 200ms});
  const BackgroundProcess holder({"psql", location_, "-c", "BEGIN; LOCK TABLE chexworld.models; SELECT pg_sleep(60)"},
                                 "/dev/null");
  ErrorCode code{};
  EXPECT_TRUE(wait_until(
      [&] {
        const auto result = capture([&] { store->commit({{sample_outcome(1, model_)}, {}, {}, {}}); });
        if (!result.ok()) code = result.error().code();
        return !result.ok();
      },
      10s));
  EXPECT_EQ(code, ErrorCode::kTimeout);
}

/// A small disk of its own where that is allowed (root with mount rights).
class SmallDisk {
 public:
  explicit SmallDisk(const char* size = "size=2m") {
    mounted_ = mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, size) == 0;
  }
  ~SmallDisk() {
    if (mounted_) umount2(folder_.path().c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }
  const std::filesystem::path& path() const { return folder_.path(); }
  std::filesystem::path operator/(std::string_view name) const { return folder_ / name; }

 private:
  TemporaryFolder folder_;
  bool mounted_ = false;
};

/// Files of this process grow no further than this, until the end of the scope.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

/// Writes until it fails; how many were acknowledged.
int fill(Store& store, const ModelRecord& model, int first, Error& error) {
  for (int number = first; number < 100'000; ++number) {
    const auto result = capture([&] { store.commit({{sample_outcome(number, model)}, {}, {}, {}}); });
    if (result.ok()) continue;
    error = result.error();
    return number - first;
  }
  return 100'000;
}

void expect_reading_goes_on(const std::string& location, Store& store, const ModelRecord& model, int acknowledged) {
  EXPECT_TRUE(store.result(sample_instance(1).sop_instance_uid, model.model_id));
  EXPECT_EQ(store.models()[0].results, std::uint64_t(acknowledged));
  EXPECT_EQ(open_store(location)->models()[0].results, std::uint64_t(acknowledged));
}

void expect_full(const Error& error) {
  EXPECT_EQ(error.code(), ErrorCode::kResourceExhausted) << error.message();
  EXPECT_THAT(error.message(), HasSubstr("space"));
}

TEST(SqliteDiskFull, IsSaidAndSurvived) {
  SmallDisk disk;
  if (!disk.mounted()) GTEST_SKIP() << "mounting a small disk needs root";
  ModelRecord model = sample_model();
  model.embedding_size = 768;
  const std::string location = disk / "store.sqlite";
  const auto store = open_store(location);
  store->add_model(model);
  std::ofstream(disk / "ballast") << std::string(300'000, 'x');
  Error error(ErrorCode::kInternal, "");
  const int acknowledged = fill(*store, model, 1, error);
  EXPECT_GT(acknowledged, 10);
  expect_full(error);
  expect_reading_goes_on(location, *store, model, acknowledged);
  std::filesystem::remove(disk / "ballast");
  store->commit({{sample_outcome(99'999, model)}, {}, {}, {}});
  EXPECT_EQ(store->models()[0].results, std::uint64_t(acknowledged + 1));
  EXPECT_THAT(store->verify(), IsEmpty());
}

TEST(SqliteDiskFull, AFileSizeLimitCountsAsFull) {
  const TemporaryFolder folder;
  const std::string location = folder / "store.sqlite";
  ModelRecord model = sample_model();
  model.embedding_size = 768;
  const auto store = open_store(location);
  store->add_model(model);
  Error error(ErrorCode::kInternal, "");
  int acknowledged = 0;
  {
    const FileSizeLimit limit(2'000'000);
    acknowledged = fill(*store, model, 1, error);
    expect_reading_goes_on(location, *store, model, acknowledged);
  }
  EXPECT_GT(acknowledged, 10);
  expect_full(error);
  store->commit({{sample_outcome(99'999, model)}, {}, {}, {}});
  EXPECT_EQ(store->models()[0].results, std::uint64_t(acknowledged + 1));
  EXPECT_THAT(store->verify(), IsEmpty());
}

// Its tables alone lie on the small disk: a server that cannot write its log stops, which is an outage and tested as
// one.
TEST_F(PostgresOutage, AFullDiskIsSaidAndSurvived) {
  SmallDisk disk("size=32m");
  if (!disk.mounted()) GTEST_SKIP() << "mounting a small disk needs root";
  std::filesystem::create_directories(disk / "tables");
  std::filesystem::permissions(disk.path(), std::filesystem::perms::all);
  const passwd* owner = getpwnam("postgres");
  if (geteuid() == 0 && (owner == nullptr || chown((disk / "tables").c_str(), owner->pw_uid, owner->pw_gid) != 0))
    GTEST_SKIP() << "there is no user postgres to own the disk";
  PostgresServer& server = backend_.server();
  // Vacuuming a catalogue makes the next connection write a file, for which a full disk has no room: PostgreSQL's
  // affair.
  server.query("ALTER SYSTEM SET autovacuum = off");
  server.query("SELECT pg_reload_conf()");
  server.query("CREATE TABLESPACE small LOCATION '" + (disk / "tables").string() + "'");
  server.query("CREATE DATABASE on_small_disk TABLESPACE small");
  std::string location = server.connection();
  location.replace(location.find("dbname=chexworld"), std::string::npos, "dbname=on_small_disk");
  {
    ModelRecord model = sample_model();
    model.embedding_size = 768;
    const auto store = open_store(location);
    store->add_model(model);
    std::ofstream(disk / "ballast") << std::string(2'000'000, 'x');
    Error error(ErrorCode::kInternal, "");
    const int acknowledged = fill(*store, model, 1, error);
    EXPECT_GT(acknowledged, 10);
    expect_full(error);
    expect_reading_goes_on(location, *store, model, acknowledged);
    std::filesystem::remove(disk / "ballast");
    EXPECT_TRUE(wait_until(
        [&] { return capture([&] { store->commit({{sample_outcome(99'999, model)}, {}, {}, {}}); }).ok(); }, 10s));
    EXPECT_EQ(store->models()[0].results, std::uint64_t(acknowledged + 1));
    EXPECT_THAT(store->verify(), IsEmpty());
  }
  server.query("DROP DATABASE on_small_disk");
  server.query("DROP TABLESPACE small");
  server.query("ALTER SYSTEM RESET autovacuum");
  server.query("SELECT pg_reload_conf()");
}

}  // namespace
}  // namespace chexworld::test
