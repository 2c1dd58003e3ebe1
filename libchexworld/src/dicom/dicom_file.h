// SPDX-License-Identifier: Apache-2.0
//
// A DICOM object from a file or from memory, checked before DCMTK parses it (dicom/structure_check.h).
#pragma once

#include "dicom/dicom_dataset.h"
#include "dicom/limits.h"
#include "dicom/structure_check.h"

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace chexworld {

/// One opened object. Pixel Data stays where it is (mapped or in the caller's buffer) until decode_frame asks.
///
/// Every failure is a Failure: kMalformed, kTooLarge, kTimeout, kUnsupported, kNotFound, kInputOutput; its
/// message names the tag or the offset and never a value from the object.
/// Move-only. Not thread safe; distinct objects are independent.
class DicomFile {
 public:
  /// Maps the file, which must not be cut short while open.
  static DicomFile open(const std::filesystem::path& path, const DecodeLimits& limits = {});
  /// Takes the bytes over.
  static DicomFile from_bytes(std::vector<std::byte> bytes, const DecodeLimits& limits = {});
  /// Looks at the caller's bytes, which must outlive the object.
  static DicomFile from_view(std::span<const std::byte> bytes, const DecodeLimits& limits = {});

  DicomFile(DicomFile&&) noexcept;
  DicomFile& operator=(DicomFile&&) noexcept;
  ~DicomFile();

  /// The data set without Pixel Data and without values over DecodeLimits::max_element_bytes.
  const DicomDataset& dataset() const;

  /// Transfer Syntax UID of the file; where the file has no meta information, that of the encoding found.
  const std::string& transfer_syntax_uid() const;
  const FileMeta& meta() const;
  const DecodeLimits& limits() const;

  bool has_pixel_data() const;
  /// Throws Failure(kMalformed) where there is none.
  const PixelDataLocation& pixel_data() const;
  /// The bytes that PixelDataLocation's ranges count in.
  std::span<const std::byte> dataset_bytes() const;

  /// What is wrong but did not prevent reading; sentences without values from the object.
  const std::vector<std::string>& doubts() const;

 private:
  struct State;
  explicit DicomFile(std::unique_ptr<State> state);
  static DicomFile parse(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace chexworld
