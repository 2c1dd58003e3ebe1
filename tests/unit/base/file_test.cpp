// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include "base/failure.h"
#include "base/mapped_file.h"
#include "support/temporary_folder.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <iterator>

namespace chexworld {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::size_t files_in(const fs::path& folder) {
  return std::size_t(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(AtomicWrite, WritesWhatWasProduced) {
  test::TemporaryFolder folder;
  write_file_atomically(folder / "a", "hello");
  EXPECT_EQ(text_of(read_file(folder / "a")), "hello");
  write_file_atomically(folder / "a", "other");
  EXPECT_EQ(text_of(read_file(folder / "a")), "other");
  EXPECT_EQ(files_in(folder.path()), 1u);
}

TEST(AtomicWrite, LeavesTheOldFileWhenProducingFails) {
  test::TemporaryFolder folder;
  write_file_atomically(folder / "a", "old");
  const auto result = capture([&] {
    write_file_atomically(folder / "a", [](FileWriter& writer) {
      writer.write("half of the new one");
      fail(ErrorCode::kCancelled, "stopped");
    });
  });
  EXPECT_EQ(result.error().code(), ErrorCode::kCancelled);
  EXPECT_EQ(text_of(read_file(folder / "a")), "old");
  EXPECT_EQ(files_in(folder.path()), 1u);
}

TEST(AtomicWrite, FullDiskNamesTheFileAndTheRemedy) {
  const auto result = capture([&] { FileWriter(open("/dev/full", O_WRONLY), "model.safetensors").write("x"); });
  EXPECT_EQ(result.error().code(), ErrorCode::kResourceExhausted);
  EXPECT_THAT(result.error().message(), HasSubstr("model.safetensors"));
  EXPECT_THAT(result.error().message(), HasSubstr("free space"));
}

TEST(AtomicWrite, MissingFolderIsNamed) {
  test::TemporaryFolder folder;
  const auto result = capture([&] { write_file_atomically(folder / "none" / "a", "x"); });
  EXPECT_EQ(result.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(result.error().message(), HasSubstr("none/a"));
}

TEST(ReadFile, RefusesWhatIsTooLargeOrAFolder) {
  test::TemporaryFolder folder;
  write_file_atomically(folder / "a", std::string(100, 'x'));
  EXPECT_EQ(capture([&] { return read_file(folder / "a", 99); }).error().code(), ErrorCode::kTooLarge);
  EXPECT_EQ(capture([&] { return read_file(folder.path()); }).error().code(), ErrorCode::kInvalidArgument);
}

TEST(MappedFile, ShowsTheBytesAndMoves) {
  test::TemporaryFolder folder;
  write_file_atomically(folder / "a", "mapped");
  write_file_atomically(folder / "empty", "");
  MappedFile first(folder / "a");
  MappedFile second(std::move(first));
  EXPECT_EQ(text_of(second.bytes()), "mapped");
  EXPECT_TRUE(MappedFile(folder / "empty").bytes().empty());
  EXPECT_EQ(capture([&] { MappedFile(folder / "none"); }).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(capture([&] { MappedFile(folder.path()); }).error().code(), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace chexworld
