// SPDX-License-Identifier: Apache-2.0
#include "base/failure.h"
#include "base/file.h"
#include "trainer/archive/archive_format.h"
#include "trainer/archive/build.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

namespace chexworld {
namespace fs = std::filesystem;
namespace {

std::string random_secret() {
  std::array<std::byte, 32> bytes;
  if (getrandom(bytes.data(), bytes.size(), 0) != ssize_t(bytes.size())) fail_errno("making a key", errno);
  return to_hex(bytes);
}

/// Never over a file that is there, and readable by nobody else from the start.
void write_secret(const fs::path& path, const std::string& secret) {
  const FileDescriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.get() < 0) fail_errno("creating the key file " + path.string(), errno);
  FileWriter(file.get(), path).write(secret + "\n");
  if (fsync(file.get()) != 0) fail_errno("writing the key file " + path.string(), errno);
}

}  // namespace

PseudonymKey::PseudonymKey(std::string secret) : secret_(std::move(secret)) {
  if (secret_.size() < 16)
    fail(ErrorCode::kInvalidArgument, "a pseudonym key needs at least 16 characters, or patients could be guessed");
}

PseudonymKey PseudonymKey::from_file(const fs::path& path) {
  if (!fs::exists(path)) write_secret(path, random_secret());
  const std::vector<std::byte> bytes = read_file(path, 1 << 16);
  std::string secret(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  while (!secret.empty() && (secret.back() == '\n' || secret.back() == '\r')) secret.pop_back();
  return within("key file " + path.string(), [&] { return PseudonymKey(std::move(secret)); });
}

std::string PseudonymKey::pseudonym(const std::string& kind, const std::string& id) const {
  return id.empty() ? "" : to_hex(hmac_sha256(secret_, kind + ":" + id)).substr(0, 16);
}

ArchiveDigest PseudonymKey::source(const std::string& place) const {
  return shortened(hmac_sha256(secret_, "source:" + place));
}

std::string PseudonymKey::fingerprint() const { return to_hex(hmac_sha256(secret_, "fingerprint")).substr(0, 16); }

}  // namespace chexworld
