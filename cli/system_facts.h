// SPDX-License-Identifier: Apache-2.0
//
// What this machine and the libraries on it are, as `chexworld doctor` shows it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace chexworld::cli {

struct ProcessorFacts {
  std::string model;
  int usable_cores = 0;               ///< by affinity, not what is soldered on
  std::vector<std::string> features;  ///< those that matter for speed, in /proc/cpuinfo's spelling
};
ProcessorFacts processor_facts();

struct MemoryFacts {
  std::uint64_t total_bytes = 0;  ///< the smaller of the machine's memory and the cgroup's limit
  std::uint64_t available_bytes = 0;
};
MemoryFacts memory_facts();

/// Which BLAS is loaded into this process, found by asking the library itself.
struct BlasFacts {
  std::string library;    ///< file name, e.g. "libopenblasp-r0.3.29.so"; empty if no BLAS is loaded
  std::string config;     ///< OpenBLAS's own description
  std::string threading;  ///< "openmp", "pthread", "single" (OpenBLAS), "reference" (netlib's) or "unknown"
  int threads = 0;
  /// OpenBLAS with pthreads, Debian's default: its threads fight those of LibTorch (5 times slower for one image).
  bool fights_torch() const { return threading == "pthread"; }
  /// Written to be correct, not fast: one thread, no vector instructions to speak of.
  bool is_reference() const { return threading == "reference"; }
};
BlasFacts blas_facts();
/// What to do about a slow one, as a sentence; empty where there is nothing to complain about.
std::string slow_blas_warning(const BlasFacts& facts);

struct TorchFacts {
  std::string version;
  int threads = 0;
  int cuda_devices = 0;
};
TorchFacts torch_facts();  // only in builds with LibTorch

}  // namespace chexworld::cli
