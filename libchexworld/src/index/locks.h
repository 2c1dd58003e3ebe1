// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <pthread.h>

namespace chexworld {

/// Many readers or one writer; a waiting writer goes ahead of new readers, so an endless stream of searches cannot
/// starve it (std::shared_mutex makes no such promise). Not recursive. Works with std::shared_lock, std::unique_lock.
class FairSharedMutex {
 public:
  FairSharedMutex() {
    pthread_rwlockattr_t attributes;
    pthread_rwlockattr_init(&attributes);
#if defined(__GLIBC__)
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
#endif
    pthread_rwlock_init(&lock_, &attributes);
    pthread_rwlockattr_destroy(&attributes);
  }
  ~FairSharedMutex() { pthread_rwlock_destroy(&lock_); }
  FairSharedMutex(const FairSharedMutex&) = delete;
  FairSharedMutex& operator=(const FairSharedMutex&) = delete;

  void lock() { pthread_rwlock_wrlock(&lock_); }
  void unlock() { pthread_rwlock_unlock(&lock_); }
  void lock_shared() { pthread_rwlock_rdlock(&lock_); }
  void unlock_shared() { pthread_rwlock_unlock(&lock_); }

 private:
  pthread_rwlock_t lock_;
};

/// One mutex for many things: each thing always meets the same one.
class StripedMutex {
 public:
  std::mutex& of(std::uint64_t thing) { return mutexes_[(thing * 0x9E3779B97F4A7C15ull) >> 54]; }

 private:
  std::array<std::mutex, 1024> mutexes_;
};

}  // namespace chexworld
