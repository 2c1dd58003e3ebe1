// SPDX-License-Identifier: Apache-2.0
#include "fuzz/fuzz_support.h"

#include <cstdlib>
#include <fstream>
#include <string_view>

namespace chexworld::fuzz {
namespace {
volatile unsigned touched = 0;
}

void write_seeds_if_asked(int argc, char** argv, std::vector<std::string> (*make_seeds)()) {
  constexpr std::string_view kOption = "--write-seeds=";
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (!argument.starts_with(kOption)) continue;
    int number = 0;
    for (const std::string& seed : make_seeds())
      std::ofstream(std::string(argument.substr(kOption.size())) + "/generated-" + std::to_string(number++),
                    std::ios::binary)
          << seed;
    std::exit(0);
  }
}

void touch(std::span<const std::byte> bytes) {
  unsigned sum = 0;
  for (const std::byte b : bytes) sum += unsigned(b);
  touched = touched + sum;
}

}  // namespace chexworld::fuzz
