// SPDX-License-Identifier: Apache-2.0
//
// Grey pictures in image files, through OpenCV. Pure functions: safe from any thread.
#pragma once

#include "image/image.h"

#include <cstddef>
#include <filesystem>
#include <span>
#include <vector>

namespace chexworld {

/// 8-bit grey PNG in memory.
std::vector<std::byte> encode_png(const GrayImage& image);

/// Writes an 8-bit grey PNG, whole or not at all. Throws Failure naming `path`.
void write_png(const std::filesystem::path& path, const GrayImage& image);

/// Reads PNG or JPEG bytes as grey, colour by its luma, as stored (EXIF orientation is ignored). OpenCV refuses more
/// than 2^30 pixels. Throws Failure(kMalformed).
GrayImage decode_picture(std::span<const std::byte> bytes);
GrayImage read_picture(const std::filesystem::path& path);

}  // namespace chexworld
