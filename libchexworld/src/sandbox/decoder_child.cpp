// SPDX-License-Identifier: Apache-2.0
#include "sandbox/decoder_child.h"

#include "base/failure.h"
#include "sandbox/decoder_process.h"
#include "sandbox/source.h"

#include <cerrno>
#include <chexworld/version.h>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace chexworld {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr milliseconds kStartLimit{20'000};
constexpr int kGraceMilliseconds = 100;
constexpr std::size_t kUsualBytes = 64u << 20;
constexpr const char* kProgram = "chexworld-decoder";

[[noreturn]] void fail_start(const std::string& why) {
  fail(ErrorCode::kUnavailable, "the decoder process cannot be started: " + why);
}

/// posix_spawn's two objects, freed in any case.
struct SpawnPlan {
  SpawnPlan() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

/// Standard streams lead nowhere: what a codec prints may quote an object. Signals as in a fresh process, in a group of
/// its own, so that Ctrl-C at a terminal reaches only the parent.
void plan(SpawnPlan& plan, int socket) {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    posix_spawn_file_actions_addopen(&plan.actions, stream, "/dev/null", O_RDWR, 0);
  posix_spawn_file_actions_adddup2(&plan.actions, socket, kDecoderSocket);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&plan.attributes, &none);
  posix_spawnattr_setsigdefault(&plan.attributes, &all);
  posix_spawnattr_setpgroup(&plan.attributes, 0);
  posix_spawnattr_setflags(&plan.attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
}

pid_t spawn(const std::filesystem::path& executable, int socket) {
  // dup2 onto itself would leave close-on-exec set
  const FileDescriptor elsewhere(socket == kDecoderSocket ? fcntl(socket, F_DUPFD_CLOEXEC, kDecoderSocket + 1) : -1);
  SpawnPlan how;
  plan(how, elsewhere.get() >= 0 ? elsewhere.get() : socket);
  std::string name = kProgram;
  char* const arguments[] = {name.data(), nullptr};
  char* const environment[] = {nullptr};
  pid_t pid = -1;
  const int failed = posix_spawn(&pid, executable.c_str(), &how.actions, &how.attributes, arguments, environment);
  if (failed != 0) fail_start(executable.string() + ": " + std::generic_category().message(failed));
  return pid;
}

}  // namespace

// ---- ObjectBuffer ----

ObjectBuffer::ObjectBuffer() : writable_(memfd_create("chexworld-object", MFD_CLOEXEC)) {
  if (writable_.get() < 0) fail_errno("making room for objects to decode", errno);
  const std::string path = "/proc/self/fd/" + std::to_string(writable_.get());
  read_only_ = FileDescriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (read_only_.get() < 0) fail_errno("making room for objects to decode", errno);
}

ObjectBuffer::~ObjectBuffer() { unmap(); }

int ObjectBuffer::fill(std::span<const std::byte> bytes) {
  resize(bytes.size());
  if (bytes.size() > mapped_bytes_) map(bytes.size());
  if (!bytes.empty()) std::memcpy(mapped_, bytes.data(), bytes.size());  // seven times as fast as write()
  return read_only_.get();
}

/// Takes the memory at once: where there is none, this fails, and not the access.
void ObjectBuffer::resize(std::size_t size) {
  const int failed = size > size_ ? fallocate(writable_.get(), 0, off_t(size_), off_t(size - size_))
                                  : ftruncate(writable_.get(), off_t(size));
  if (failed != 0) fail_errno("making room for an object to decode", errno);
  size_ = size;
}

void ObjectBuffer::map(std::size_t size) {
  unmap();
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, writable_.get(), 0);
  if (memory == MAP_FAILED) fail_errno("making room for an object to decode", errno);
  mapped_ = memory;
  mapped_bytes_ = size;
}

void ObjectBuffer::unmap() {
  if (mapped_) munmap(std::exchange(mapped_, nullptr), std::exchange(mapped_bytes_, 0));
}

void ObjectBuffer::relax() {
  if (size_ <= kUsualBytes) return;
  unmap();
  resize(0);
}

// ---- DecoderChild ----

DecoderChild::DecoderChild(const std::filesystem::path& executable, const SandboxOptions& options) : options_(options) {
  start(executable);
  try {
    greet(executable.string());
  } catch (...) {
    end();
    throw;
  }
}

DecoderChild::~DecoderChild() { end(); }

void DecoderChild::start(const std::filesystem::path& executable) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) fail_start(std::generic_category().message(errno));
  socket_ = FileDescriptor(ends[0]);
  const FileDescriptor theirs(ends[1]);  // ours of it goes, or we would not notice when they are gone
  pid_ = spawn(executable, theirs.get());
  process_ = FileDescriptor(int(syscall(SYS_pidfd_open, pid_, 0)));
}

void DecoderChild::greet(const std::string& executable) {
  const DecoderSetup setup{options_.decoder, options_.memory_bytes, options_.deadline, int(getpid())};
  const auto reply = exchange(message_of(setup), -1, 0, kStartLimit);
  if (!reply) {
    const ChildEnd ended = end();
    fail_start(executable + (ended.signal != 0 ? " ended by signal " + std::to_string(ended.signal)
                                               : " ended with status " + std::to_string(ended.exit_status)));
  }
  ready_ = ready_in(*reply);
  if (ready_.version != version())
    fail_start(executable + " is of version " + ready_.version + ", needed is " + std::string(version()));
}

std::optional<WireMessage> DecoderChild::ask(const RadiographSource& source, const DecodeRequest& request) {
  const std::uint64_t most = options_.decoder.limits.max_bytes;
  FileDescriptor file;
  int object = -1;
  if (const auto* bytes = std::get_if<std::span<const std::byte>>(&source)) {
    require_size(bytes->size(), most);
    object = buffer_.fill(*bytes);
  } else if (const auto* path = std::get_if<std::filesystem::path>(&source)) {
    file = open_for_reading(*path);
    object = file.get();
  } else {
    object = std::get<int>(source);
  }
  checked_size(object, most);
  ++asked_;
  auto reply = exchange(message_of(request), object, most_pixels(request), options_.deadline);
  buffer_.relax();
  return reply;
}

std::optional<WireMessage> DecoderChild::exchange(const WireMessage& request, int descriptor, std::size_t pixel_bytes,
                                                  milliseconds limit) {
  const auto deadline = SteadyClock::now() + limit;
  if (send_message(socket_.get(), request, descriptor, deadline)) {
    if (auto reply = receive_message(socket_.get(), {.pixel_bytes = pixel_bytes}, deadline)) return reply;
  }
  past_deadline_ = SteadyClock::now() >= deadline;
  return std::nullopt;
}

bool DecoderChild::alive() const {
  pollfd ended{process_.get(), POLLIN, 0};
  return poll(&ended, 1, 0) == 0;
}

ChildEnd DecoderChild::end() {
  if (pid_ < 0) return {};
  socket_ = FileDescriptor();  // one that is idle ends by itself now
  ChildEnd result{.past_deadline = past_deadline_};
  pollfd ended{process_.get(), POLLIN, 0};
  const bool by_itself = !past_deadline_ && poll(&ended, 1, kGraceMilliseconds) > 0;
  if (!by_itself) syscall(SYS_pidfd_send_signal, process_.get(), SIGKILL, nullptr, 0);
  int status = 0;
  pid_t reaped = 0;
  do reaped = waitpid(pid_, &status, 0);
  while (reaped < 0 && errno == EINTR);
  pid_ = -1;
  if (!by_itself || reaped < 0) return result;  // reaped < 0: the program we are part of was quicker
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  if (WIFEXITED(status)) result.exit_status = WEXITSTATUS(status);
  return result;
}

// ---- what it means ----

Error error_of(const ChildEnd& end, const SandboxOptions& options) {
  if (end.past_deadline || end.signal == SIGXCPU)
    return {ErrorCode::kTimeout, "the decoder did not finish this object within " +
                                     std::to_string(options.deadline.count()) + " ms and was ended"};
  if (end.signal == SIGKILL)
    return {ErrorCode::kResourceExhausted,
            "the system ended the decoder over this object, most likely because memory ran out"};
  if (end.signal == SIGSYS)
    return {ErrorCode::kInternal,
            "the decoder was ended over this object: it asked the system for what it may not have"};
  if (end.signal != 0)
    return {ErrorCode::kInternal, "the decoder crashed over this object (signal " + std::to_string(end.signal) + ")"};
  return {ErrorCode::kInternal, "the decoder gave no proper answer about this object"};
}

std::filesystem::path find_decoder(const std::filesystem::path& executable) {
  if (!executable.empty()) return executable;
  std::error_code ignored;
  const std::filesystem::path here = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
  const std::filesystem::path places[] = {here / kProgram, here / ".." / "libexec" / "chexworld" / kProgram,
                                          std::filesystem::path(CHEXWORLD_LIBEXEC_DIR) / kProgram};
  for (const auto& place : places)
    if (access(place.c_str(), X_OK) == 0) return place.lexically_normal();
  fail_start("no program " + std::string(kProgram) + " beside " + (here / "").string() + ", nor in " +
             places[1].parent_path().lexically_normal().string() + " or " CHEXWORLD_LIBEXEC_DIR);
}

}  // namespace chexworld
