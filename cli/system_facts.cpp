// SPDX-License-Identifier: Apache-2.0
#include "cli/system_facts.h"

#include <algorithm>
#include <array>
#include <dlfcn.h>
#include <filesystem>
#include <fstream>
#include <sched.h>
#include <sstream>
#include <string_view>

namespace chexworld::cli {
namespace {

/// The text behind "KEY :" in a /proc file; empty if there is none.
std::string proc_value(const char* path, std::string_view key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.compare(0, key.size(), key) != 0) continue;
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::size_t start = line.find_first_not_of(" \t", colon + 1);
    return start == std::string::npos ? "" : line.substr(start);
  }
  return "";
}

std::uint64_t meminfo_bytes(std::string_view key) {
  std::istringstream value(proc_value("/proc/meminfo", key));
  std::uint64_t kilobytes = 0;
  value >> kilobytes;
  return kilobytes * 1024;
}

/// The memory limit of our control group (version 2), or 0 when there is none.
std::uint64_t cgroup_limit_bytes() {
  std::ifstream file("/sys/fs/cgroup/memory.max");
  std::uint64_t bytes = 0;
  file >> bytes;  // "max" leaves 0
  return file ? bytes : 0;
}

/// A symbol of whatever libraries are loaded, as a function pointer; null if nobody has it.
template <class Function>
Function* loaded_function(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

std::string file_holding(void* address) {
  Dl_info info{};
  if (address == nullptr || dladdr(address, &info) == 0 || info.dli_fname == nullptr) return "";
  std::error_code ignored;
  const auto real = std::filesystem::canonical(info.dli_fname, ignored);
  return ignored ? info.dli_fname : real.string();
}

std::string threading_of(const std::string& library) {
  auto* parallel = loaded_function<int()>("openblas_get_parallel");
  if (parallel == nullptr) return library.find("/libblas.so") == std::string::npos ? "unknown" : "reference";
  constexpr std::array kNames{"single", "pthread", "openmp"};  // OpenBLAS's numbering
  const int kind = parallel();
  return kind >= 0 && kind < int(kNames.size()) ? kNames[std::size_t(kind)] : "unknown";
}

}  // namespace

ProcessorFacts processor_facts() {
  // What oneDNN's and our own kernels choose by.
  constexpr std::array kRelevant{"avx2",        "fma",         "f16c",        "avx512f",  "avx512bw",
                                 "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16",
                                 "amx_int8",    "asimd",       "bf16",        "i8mm",     "sve"};
  ProcessorFacts facts;
  facts.model = proc_value("/proc/cpuinfo", "model name");
  std::string flags = proc_value("/proc/cpuinfo", "flags");
  if (flags.empty()) flags = proc_value("/proc/cpuinfo", "Features");
  std::istringstream words(flags);
  for (std::string word; words >> word;) {
    if (std::find(kRelevant.begin(), kRelevant.end(), word) != kRelevant.end()) facts.features.push_back(word);
  }
  cpu_set_t usable;
  facts.usable_cores = sched_getaffinity(0, sizeof usable, &usable) == 0 ? CPU_COUNT(&usable) : 1;
  return facts;
}

MemoryFacts memory_facts() {
  MemoryFacts facts{meminfo_bytes("MemTotal"), meminfo_bytes("MemAvailable")};
  if (const std::uint64_t limit = cgroup_limit_bytes(); limit > 0)
    facts.total_bytes = std::min(facts.total_bytes, limit);
  facts.available_bytes = std::min(facts.available_bytes, facts.total_bytes);
  return facts;
}

BlasFacts blas_facts() {
  BlasFacts facts;
  void* multiply = dlsym(RTLD_DEFAULT, "sgemm_");
  facts.library = file_holding(multiply);
  if (multiply == nullptr) return facts;
  facts.threading = threading_of(facts.library);
  if (auto* config = loaded_function<char*()>("openblas_get_config")) facts.config = config();
  if (auto* threads = loaded_function<int()>("openblas_get_num_threads")) facts.threads = threads();
  return facts;
}

std::string slow_blas_warning(const BlasFacts& facts) {
  const std::string remedy =
      "Remedy: install libopenblas0-openmp and point the alternatives libblas.so.3, liblapack.so.3 and "
      "libopenblas.so.0 at it (update-alternatives --config libblas.so.3-x86_64-linux-gnu, and likewise the other two)";
  if (facts.fights_torch())
    return "SLOW BLAS: OpenBLAS with pthreads fights LibTorch's OpenMP threads (about 5 times slower). " + remedy;
  if (facts.is_reference()) return "SLOW BLAS: this is the reference BLAS, one thread and unoptimised. " + remedy;
  return "";
}

}  // namespace chexworld::cli
