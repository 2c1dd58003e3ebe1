// SPDX-License-Identifier: Apache-2.0
#include "worker/pseudonym_key.h"

#include "base/failure.h"
#include "base/file.h"
#include "base/sha256.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

namespace chexworld {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kLeastCharacters = 32;

std::string random_key() {
  std::string secret(32, '\0');
  if (getrandom(secret.data(), secret.size(), 0) != ssize_t(secret.size())) fail_errno("making a random key", errno);
  return to_hex(sha256(secret));
}

/// Under its name only once it is whole; another process that was faster wins.
void make_key(const fs::path& file) {
  std::string partial =
      file.string() + ".partial-XXXXXX";  // process numbers repeat in containers that share the folder
  const FileDescriptor made(mkostemp(partial.data(), O_CLOEXEC));
  if (made.get() < 0) fail_errno("creating " + file.string(), errno);
  FileWriter(made.get(), file).write(random_key() + "\n");
  const bool kept = fsync(made.get()) == 0 && (link(partial.c_str(), file.c_str()) == 0 || errno == EEXIST);
  const int error_number = errno;
  unlink(partial.c_str());
  if (!kept) fail_errno("creating " + file.string(), error_number);
}

}  // namespace

std::string read_or_make_pseudonym_key(const fs::path& file) {
  if (!fs::exists(file)) make_key(file);
  const std::vector<std::byte> bytes = read_file(file, 1u << 16);
  std::string key(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  while (!key.empty() && (key.back() == '\n' || key.back() == '\r' || key.back() == ' ')) key.pop_back();
  if (key.size() < kLeastCharacters)
    fail(ErrorCode::kMalformed, file.string() + " holds a key of less than 32 characters: take one that is random");
  return key;
}

}  // namespace chexworld
