// SPDX-License-Identifier: Apache-2.0
//
// Untrusted bytes in, a radiograph ready for the encoder out: in this process, or in one that may die.
#pragma once

#include "dicom/instance_tags.h"
#include "dicom/limits.h"
#include "image/view_window.h"

#include <chexworld/radiograph.h>
#include <chexworld/result.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace chexworld {

/// What one object became. Where the gate skips it, `view` and `pixels` are empty.
struct PreparedRadiograph {
  GateVerdict gate;
  std::vector<QualityNote> quality;
  std::vector<std::string> doubts;  ///< sentences behind QualityNote::kDoubtful
  RadiographAttributes attributes;
  InstanceTags tags;          ///< empty for a picture file
  GrayImage view;             ///< u8[S,S], S = recipe.side(): what the network sees, for people
  GrayImage film;             ///< the whole film as a viewer shows it, where it was asked for
  ViewWindow window;          ///< where `view` lies on it; only with `film`
  std::vector<float> pixels;  ///< f32[3,S,S], normalised: what the network gets
  double decode_ms = 0;       ///< opening, decoding and rendering
  double prepare_ms = 0;      ///< trimming, fitting and normalising
};

/// Where the object is: a DICOM file (PS3.10), or a PNG or JPEG picture, told apart by its first bytes.
/// Bytes and descriptor are the caller's and must stay valid during the call; a descriptor is read from its start,
/// whatever its position, and must be that of a regular file or memfd.
using RadiographSource = std::variant<std::span<const std::byte>, std::filesystem::path, int>;

struct DecoderOptions {
  DecodeLimits limits;
  bool fast = true;           ///< decode no more pixels than the recipe needs
  std::string pseudonym_key;  ///< secret behind InstanceTags::patient_key; empty: none
};

struct SandboxOptions {
  DecoderOptions decoder;
  int processes = 2;  ///< objects decoded at once; further callers wait
  /// For one object, from the moment its process has it. Past it the process is ended and started anew.
  std::chrono::milliseconds deadline{30'000};
  std::uint64_t memory_bytes = 2ull << 30;  ///< address space of one process
  int objects_per_process = 1000;           ///< then it is replaced by a fresh one
  /// The program `chexworld-decoder`. Empty: beside the running program, in ../libexec/chexworld, or where it was
  /// installed.
  std::filesystem::path executable;
};

/// What has happened since the start.
struct DecoderCounts {
  std::uint64_t decoded = 0;  ///< objects answered, whatever the answer
  std::uint64_t crashed = 0;  ///< objects that ended their process
  std::uint64_t timed_out = 0;
  std::uint64_t out_of_memory = 0;
  std::uint64_t started = 0;  ///< processes, the first ones included
};

/// The longest side of a film for people, pixels.
inline constexpr int kLargestFilmSide = 4096;

/// Thread safe: decode() from any thread, several at once.
class RadiographDecoder {
 public:
  virtual ~RadiographDecoder() = default;

  /// An object the gate skips is a value. Errors as in <chexworld/radiograph.h>; besides:
  ///   kInternal           the decoder crashed over this object
  ///   kTimeout            it did not finish in time
  ///   kResourceExhausted  it needed more memory than it may have
  ///   kUnavailable        no decoder process can be started: trying later may help
  Result<PreparedRadiograph> decode(const RadiographSource& source, const PreparationRecipe& recipe) {
    return decode(source, recipe, 0);
  }
  /// The same, and PreparedRadiograph::film with its long side at most `film_side` pixels (0: none, at most 4096).
  virtual Result<PreparedRadiograph> decode(const RadiographSource& source, const PreparationRecipe& recipe,
                                            int film_side) = 0;

  virtual DecoderCounts counts() const { return {}; }
};

/// "decoder-crashed", "decoder-timeout", "decoder-memory"; else the name of the error's code. For results and metrics.
std::string_view decode_reason(const Error& error);

/// Decodes in the calling thread, as many at once as there are callers.
std::unique_ptr<RadiographDecoder> make_in_process_decoder(const DecoderOptions& options = {});

/// Decodes in processes of their own, so that a crash, a hang or exhausted memory costs one object. Starts them before
/// it returns; kUnavailable where they cannot be started.
Result<std::unique_ptr<RadiographDecoder>> make_sandboxed_decoder(const SandboxOptions& options = {});

}  // namespace chexworld
