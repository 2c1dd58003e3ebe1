// SPDX-License-Identifier: Apache-2.0
//
// The life of a decoder process.
#pragma once

#include "sandbox/decoder.h"

#include <functional>

namespace chexworld {

/// The descriptor on which a decoder process finds its socket.
inline constexpr int kDecoderSocket = 3;

/// What is done with the bytes of one object; prepare_radiograph(), unless a test wants trouble.
using DecodeFunction = std::function<PreparedRadiograph(
    std::span<const std::byte> bytes, const PreparationRecipe& recipe, const DecoderOptions& options, int film_side)>;

/// Takes the setup from kDecoderSocket, puts up the walls, and answers objects until the other end is closed. Returns
/// the exit status.
int run_decoder_process(const DecodeFunction& decode);

}  // namespace chexworld
