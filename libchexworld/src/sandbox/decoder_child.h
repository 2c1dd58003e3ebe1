// SPDX-License-Identifier: Apache-2.0
//
// The library's end of one decoder process.
#pragma once

#include "sandbox/report.h"

#include <sys/types.h>

namespace chexworld {

/// Bytes handed to another process: a memfd that is written anew for each object, and that the other can only read.
class ObjectBuffer {
 public:
  ObjectBuffer();
  ~ObjectBuffer();
  ObjectBuffer(const ObjectBuffer&) = delete;
  ObjectBuffer& operator=(const ObjectBuffer&) = delete;
  /// A descriptor for reading what was copied in; valid until the next call.
  int fill(std::span<const std::byte> bytes);
  /// Gives memory back where the last object was an unusually large one.
  void relax();

 private:
  void resize(std::size_t size);
  void map(std::size_t size);
  void unmap();

  FileDescriptor writable_;
  FileDescriptor read_only_;
  std::size_t size_ = 0;  ///< of the memfd
  void* mapped_ = nullptr;
  std::size_t mapped_bytes_ = 0;
};

/// How a process ended.
struct ChildEnd {
  bool past_deadline = false;  ///< and was killed by us
  int signal = 0;
  int exit_status = 0;
};

/// Not thread safe. Ends its process and reaps it. The options must outlive it.
class DecoderChild {
 public:
  /// Starts the program and waits until it is ready. The process dies with the calling thread, which must therefore
  /// outlive it. Throws Failure(kUnavailable).
  DecoderChild(const std::filesystem::path& executable, const SandboxOptions& options);
  ~DecoderChild();
  DecoderChild(const DecoderChild&) = delete;
  DecoderChild& operator=(const DecoderChild&) = delete;

  /// One object. Nothing where the process did not answer properly; then only end() is left.
  std::optional<WireMessage> ask(const RadiographSource& source, const DecodeRequest& request);
  bool alive() const;
  /// Kills it, unless it has ended by itself, and says how that was.
  ChildEnd end();

  const DecoderReady& ready() const { return ready_; }
  int asked() const { return asked_; }

 private:
  void start(const std::filesystem::path& executable);
  void greet(const std::string& executable);
  std::optional<WireMessage> exchange(const WireMessage& request, int descriptor, std::size_t pixel_bytes,
                                      std::chrono::milliseconds limit);

  const SandboxOptions& options_;
  FileDescriptor socket_;
  ObjectBuffer buffer_;
  pid_t pid_ = -1;
  FileDescriptor process_;  // a pidfd: unlike the number it never means another process
  DecoderReady ready_;
  bool past_deadline_ = false;
  int asked_ = 0;
};

/// What an object's owner is told when the process was lost over it.
Error error_of(const ChildEnd& end, const SandboxOptions& options);

/// SandboxOptions::executable, or where it is looked for. Throws Failure(kUnavailable) naming the places.
std::filesystem::path find_decoder(const std::filesystem::path& executable);

}  // namespace chexworld
