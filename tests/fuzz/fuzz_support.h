// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace chexworld::fuzz {

/// For LLVMFuzzerInitialize: where the program was called with --write-seeds=FOLDER, writes the seeds there and exits.
void write_seeds_if_asked(int argc, char** argv, std::vector<std::string> (*make_seeds)());

/// Reads every byte, so that the sanitizers see whether it may be read.
void touch(std::span<const std::byte> bytes);

}  // namespace chexworld::fuzz
