// SPDX-License-Identifier: Apache-2.0
//
// What is particular to the file; what both backends promise is in tests/integration/store_contract.h.
#include "base/failure.h"
#include "base/file.h"
#include "store/schema.h"
#include "store/store.h"
#include "support/temporary_folder.h"

#include <gmock/gmock.h>
#include <sqlite3.h>
#include <sys/stat.h>

namespace chexworld {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;

/// Another program at work on the same file.
class Stranger {
 public:
  Stranger(const std::filesystem::path& path, const std::string& sql) {
    sqlite3_open(path.c_str(), &handle_);
    (*this)(sql);
  }
  ~Stranger() { sqlite3_close(handle_); }
  void operator()(const std::string& sql) {
    ASSERT_EQ(sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(handle_);
  }

 private:
  sqlite3* handle_ = nullptr;
};

class SqliteStore : public testing::Test {
 protected:
  Error refusal(const std::filesystem::path& path, StoreOptions options = {}) {
    const auto opened = capture([&] { return open_store(path.string(), options); });
    EXPECT_FALSE(opened.ok());
    return opened.ok() ? Error(ErrorCode::kInternal, "") : opened.error();
  }
  void put_one(Store& store) {
    store.add_model({"m", "", 2, {}});
    Outcome outcome;
    outcome.model_id = "m";
    outcome.instance.sop_instance_uid = "1.2.3";
    outcome.result.model_id = "m";
    outcome.result.embedding = {1, 2};
    store.commit({{outcome}, {}, {}, {}});
  }

  test::TemporaryFolder folder_;
  const std::filesystem::path path_ = folder_ / "store.sqlite";
};

TEST_F(SqliteStore, OnlyItsOwnerMayReadIt) {
  const auto store = open_store(path_.string());
  put_one(*store);
  for (const char* suffix : {"", "-wal"}) {
    struct stat status{};
    ASSERT_EQ(stat((path_.string() + suffix).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u) << suffix;
  }
}

TEST_F(SqliteStore, ANewerSchemaIsRefused) {
  open_store(path_.string());
  Stranger(path_, "UPDATE chexworld_schema SET version = 99");
  const Error error = refusal(path_);
  EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(error.message(), HasSubstr("99"));
  EXPECT_THAT(error.message(), HasSubstr("newer chexworld"));
}

TEST_F(SqliteStore, AnOlderSchemaIsBroughtUpToDate) {
  put_one(*open_store(path_.string()));
  Stranger(path_,
           "ALTER TABLE instances DROP COLUMN sop_class_uid; ALTER TABLE results DROP COLUMN quality; ALTER "
           "TABLE results DROP COLUMN abstained; ALTER TABLE results DROP COLUMN abstained_detail; DROP TABLE "
           "instance_labels; DROP TABLE study_labels; DROP TABLE labels; UPDATE chexworld_schema SET version = 2");
  const auto store = open_store(path_.string());
  EXPECT_EQ(store->info().schema_version, newest_schema());
  ASSERT_TRUE(store->result("1.2.3", "m"));
  EXPECT_EQ(store->result("1.2.3", "m")->instance.sop_class_uid, "");
  EXPECT_TRUE(store->result("1.2.3", "m")->result.quality.empty());
  EXPECT_EQ(store->result("1.2.3", "m")->result.abstained, "") << "what was stored as an answer stays one";
  const Labelling labelling{{LabelLevel::kInstance, "1.2.3"}, {{"nodule", "yes", ""}}, false};
  EXPECT_EQ(store->label({&labelling, 1}).changed, 1u);
  EXPECT_EQ(store->result("1.2.3", "m")->labels.size(), 1u);
  EXPECT_THAT(store->verify(), IsEmpty());
}

TEST_F(SqliteStore, FilesThatAreNoStoreAreRefusedAndLeftAlone) {
  write_file_atomically(folder_ / "text", std::string(5000, 'x'));
  EXPECT_EQ(refusal(folder_ / "text").code(), ErrorCode::kMalformed);
  EXPECT_EQ(read_file(folder_ / "text").size(), 5000u);
  Stranger(folder_ / "other.sqlite", "CREATE TABLE other (x)");
  const Error error = refusal(folder_ / "other.sqlite");
  EXPECT_EQ(error.code(), ErrorCode::kMalformed);
  EXPECT_THAT(error.message(), HasSubstr("not a chexworld store"));
  EXPECT_EQ(refusal(folder_.path()).code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal("").code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal(folder_ / "none" / "x").code(), ErrorCode::kNotFound);
  StoreOptions must_exist;
  must_exist.create = false;
  EXPECT_EQ(refusal(folder_ / "absent", must_exist).code(), ErrorCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "absent"));
}

TEST_F(SqliteStore, AnotherProcessLockIsWaitedForAndNamed) {
  StoreOptions options;
  options.patience = 50ms;
  const auto store = open_store(path_.string(), options);
  put_one(*store);
  Stranger stranger(path_, "BEGIN IMMEDIATE");
  const auto result = capture([&] { store->add_model({"n", "", 2, {}}); });
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(result.error().message(), HasSubstr("another process"));
  EXPECT_TRUE(store->result("1.2.3", "m"));  // reading goes on
  stranger("ROLLBACK");
  store->add_model({"n", "", 2, {}});
}

TEST_F(SqliteStore, VerifyFindsWhatSomebodyBroke) {
  const std::vector<std::pair<std::string, std::string>> damages{
      {"UPDATE results SET embedding = x'0002'", "embedding"},
      {"UPDATE results SET embedding = x'000100003c00'", "1 values, its model 2"},
      {"UPDATE results SET sequence = 99", "never given out"},
      {"INSERT INTO tombstones SELECT model, 1, result FROM results", "still there"},
      {"UPDATE work SET state = 7", "no known state"},
      {"DELETE FROM instances", "belongs to nothing"}};
  for (const auto& [damage, complaint] : damages) {
    std::filesystem::remove(path_);
    const auto store = open_store(path_.string());
    put_one(*store);
    store->commit({{}, {{{"server", "object", "", ""}, "m"}}, {}, {}});
    EXPECT_THAT(store->verify(), IsEmpty());
    Stranger(path_, damage);
    EXPECT_THAT(store->verify(), Contains(HasSubstr(complaint))) << damage;
  }
}

TEST_F(SqliteStore, VerifyFindsDamagedPages) {
  {
    const auto store = open_store(path_.string());
    put_one(*store);
  }
  std::vector<std::byte> bytes = read_file(path_);
  std::fill(bytes.begin() + std::ptrdiff_t(bytes.size() / 2), bytes.end(), std::byte(0xa5));
  write_file_atomically(path_, [&](FileWriter& writer) { writer.write(bytes); });
  const auto complaints = capture([&] { return open_store(path_.string())->verify(); });
  if (complaints.ok()) {
    EXPECT_THAT(*complaints, testing::Not(IsEmpty()));
  } else {
    EXPECT_EQ(complaints.error().code(), ErrorCode::kMalformed);
    EXPECT_THAT(complaints.error().message(), HasSubstr("backup"));
  }
}

TEST_F(SqliteStore, TablesAreListedWithAllTheirColumns) {
  open_store(path_.string());
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &handle), SQLITE_OK);
  std::size_t listed = 1;  // chexworld_schema is not copied
  for (const Table& table : tables()) {
    ++listed;
    sqlite3_stmt* statement = nullptr;
    const std::string sql = "SELECT name FROM pragma_table_info('" + table.name + "')";
    ASSERT_EQ(sqlite3_prepare_v2(handle, sql.c_str(), -1, &statement, nullptr), SQLITE_OK);
    std::vector<std::string> columns;
    while (sqlite3_step(statement) == SQLITE_ROW)
      columns.emplace_back(reinterpret_cast<const char*>(sqlite3_column_text(statement, 0)));
    sqlite3_finalize(statement);
    EXPECT_THAT(table.columns, testing::UnorderedElementsAreArray(columns)) << table.name;
  }
  sqlite3_stmt* statement = nullptr;
  sqlite3_prepare_v2(handle, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'", -1,
                     &statement, nullptr);
  sqlite3_step(statement);
  EXPECT_EQ(std::size_t(sqlite3_column_int(statement, 0)), listed);
  sqlite3_finalize(statement);
  sqlite3_close(handle);
}

}  // namespace
}  // namespace chexworld
