// SPDX-License-Identifier: Apache-2.0
#include "sandbox/confinement.h"

#include "base/failure.h"

#include <cerrno>
#include <csignal>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#ifdef CHEXWORLD_HAVE_SECCOMP
#include <memory>
#include <seccomp.h>
#endif

namespace chexworld {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  // shadow memory needs the address space, reports need the system
#else
constexpr bool kSanitized = false;
#endif

constexpr rlim_t kMostDescriptors = 16;

void limit(decltype(RLIMIT_AS) resource, rlim_t most) {
  const rlimit both{most, most};
  if (setrlimit(resource, &both) != 0) fail_errno("limiting the decoder's resources", errno);
}

}  // namespace

void close_descriptors_above(int last) {
  if (close_range(unsigned(last) + 1, ~0U, 0) == 0) return;
  const long most = sysconf(_SC_OPEN_MAX);
  for (int descriptor = last + 1; descriptor < most; ++descriptor) close(descriptor);
}

void die_with(int parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(0);
}

bool leave_the_network() {
  return unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC) == 0 || unshare(CLONE_NEWNET) == 0;
}

void limit_resources(std::uint64_t memory_bytes) {
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_FSIZE, 0);
  limit(RLIMIT_NOFILE, kMostDescriptors);
  if (kSanitized) return;
  limit(RLIMIT_NPROC, 0);
  limit(RLIMIT_AS, memory_bytes);
}

void limit_processor_time(std::chrono::milliseconds most) {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(most).count() + 1;
  const rlimit limit{rlim_t(used.ru_utime.tv_sec + used.ru_stime.tv_sec + seconds), RLIM_INFINITY};
  setrlimit(RLIMIT_CPU, &limit);
}

#ifdef CHEXWORLD_HAVE_SECCOMP
namespace {

/// Computing, memory, the descriptors that are there, ending. What libc, DCMTK, OpenCV and the codecs use.
constexpr int kAllowed[] = {
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(futex),
    SCMP_SYS(sched_yield),
    SCMP_SYS(getrandom),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(getcpu),
    SCMP_SYS(sysinfo),
    SCMP_SYS(uname),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(readv),
    SCMP_SYS(writev),
    SCMP_SYS(pread64),
    SCMP_SYS(lseek),
    SCMP_SYS(close),
    SCMP_SYS(fstat),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(sendmsg),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(getrusage),
};

/// No library on our way makes them, so one that does has been taken over.
constexpr int kDeadly[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
    SCMP_SYS(ptrace),
    SCMP_SYS(socket),
    SCMP_SYS(connect),
    SCMP_SYS(bind),
    SCMP_SYS(listen),
    SCMP_SYS(accept4),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(mount),
    SCMP_SYS(keyctl),
    SCMP_SYS(bpf),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
};

using Filter = std::unique_ptr<void, decltype(&seccomp_release)>;

bool add_rules(scmp_filter_ctx filter) {
  bool added = true;
  for (const int call : kAllowed) added &= seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0) == 0;
  for (const int call : kDeadly) added &= seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, call, 0) == 0;
  // memory, but never memory to run
  const scmp_arg_cmp not_executable = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
  added &= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, not_executable) == 0;
  added &= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, not_executable) == 0;
  // signals only to itself: abort()
  const scmp_arg_cmp itself = SCMP_A0(SCMP_CMP_EQ, scmp_datum_t(getpid()));
  added &= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, itself) == 0;
  const scmp_arg_cmp own_time[] = {SCMP_A0(SCMP_CMP_EQ, 0), SCMP_A1(SCMP_CMP_EQ, RLIMIT_CPU)};
  added &= seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2, own_time) == 0;
  return added;
}

}  // namespace

bool filter_system_calls() {
  if (kSanitized) return false;
  prctl(PR_SET_DUMPABLE, 0);
  const Filter filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)), &seccomp_release);  // sets no_new_privs on loading
  return filter && add_rules(filter.get()) && seccomp_load(filter.get()) == 0;
}
#else
bool filter_system_calls() { return false; }
#endif

}  // namespace chexworld
