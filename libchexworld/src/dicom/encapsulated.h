// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dicom/dicom_file.h"

namespace chexworld {

/// The bytes of one frame, contiguous. Move-only.
class FrameBytes {
 public:
  explicit FrameBytes(std::span<const std::byte> in_place) : bytes_(in_place) {}
  explicit FrameBytes(std::vector<std::byte> gathered) : gathered_(std::move(gathered)), bytes_(gathered_) {}
  FrameBytes(FrameBytes&&) noexcept = default;  // a moved vector keeps its bytes where they are
  FrameBytes& operator=(FrameBytes&&) noexcept = default;

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::vector<std::byte> gathered_;
  std::span<const std::byte> bytes_;
};

/// The fragments of `frame` (from 0) of `frames` joined (PS3.5 annex A.4). Which fragments they are follows from
/// their number, else from a usable Basic Offset Table, else from the fragments that begin like a code stream.
/// Throws Failure(kMalformed) where none of these tells.
FrameBytes encapsulated_frame(const DicomFile& file, int frame, int frames);

}  // namespace chexworld
