// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include "base/failure.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace chexworld {
namespace fs = std::filesystem;
namespace {

/// A file under a name of its own beside `target`; removed unless it was renamed into place.
class TemporaryFile {
 public:
  explicit TemporaryFile(const fs::path& target) : name_(target.string() + ".partial-XXXXXX") {
    file_ = FileDescriptor(mkostemp(name_.data(), O_CLOEXEC));
    if (file_.get() < 0) fail_errno("creating a file beside " + target.string(), errno);
    const mode_t mask = umask(0);
    umask(mask);
    fchmod(file_.get(), 0666 & ~mask);  // mkostemp makes it private; the result is an ordinary file
  }
  ~TemporaryFile() {
    if (!name_.empty()) unlink(name_.c_str());
  }

  int descriptor() const { return file_.get(); }

  void become(const fs::path& target) {
    if (fsync(file_.get()) != 0) fail_errno("writing " + target.string(), errno);
    if (rename(name_.c_str(), target.c_str()) != 0) fail_errno("writing " + target.string(), errno);
    name_.clear();
  }

 private:
  std::string name_;
  FileDescriptor file_;
};

void sync_folder(const fs::path& folder) {
  const FileDescriptor descriptor(open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor.get() >= 0) fsync(descriptor.get());
}

}  // namespace

FileDescriptor::~FileDescriptor() {
  if (descriptor_ >= 0) close(descriptor_);
}

FileDescriptor open_for_reading(const fs::path& path) {
  FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) fail_errno("opening " + path.string(), errno);
  return file;
}

std::vector<std::byte> read_file(const fs::path& path, std::uint64_t limit_bytes) {
  const FileDescriptor file = open_for_reading(path);
  struct stat status{};
  if (fstat(file.get(), &status) != 0) fail_errno("reading " + path.string(), errno);
  if (S_ISDIR(status.st_mode)) fail(ErrorCode::kInvalidArgument, path.string() + " is a folder, not a file");
  std::vector<std::byte> bytes;
  bytes.reserve(S_ISREG(status.st_mode) && std::uint64_t(status.st_size) <= limit_bytes ? std::size_t(status.st_size)
                                                                                        : 0);
  std::byte block[1 << 16];
  for (;;) {
    const ssize_t count = read(file.get(), block, sizeof block);
    if (count == 0) return bytes;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_errno("reading " + path.string(), errno);
    if (bytes.size() + std::size_t(count) > limit_bytes)
      fail(ErrorCode::kTooLarge,
           path.string() + " is larger than the limit of " + std::to_string(limit_bytes) + " bytes");
    bytes.insert(bytes.end(), block, block + count);
  }
}

void FileWriter::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_errno("writing " + path_.string(), errno);
    bytes = bytes.subspan(std::size_t(count));
  }
}

void write_file_atomically(const fs::path& path, const std::function<void(FileWriter&)>& produce) {
  TemporaryFile temporary(path);
  FileWriter writer(temporary.descriptor(), path);
  produce(writer);
  temporary.become(path);
  sync_folder(path.parent_path());
}

void write_file_atomically(const fs::path& path, std::string_view text) {
  write_file_atomically(path, [&](FileWriter& writer) { writer.write(text); });
}

}  // namespace chexworld
