// SPDX-License-Identifier: Apache-2.0
#include "image/png.h"

#include "base/failure.h"
#include "base/file.h"
#include "image/geometry.h"

#include <opencv2/imgcodecs.hpp>

namespace chexworld {
namespace {

GrayImage from_matrix(const cv::Mat& matrix) {
  GrayImage image{matrix.cols, matrix.rows, {}};
  image.pixels.reserve(matrix.total());
  for (int y = 0; y < matrix.rows; ++y) {
    const auto* row = matrix.ptr<std::uint8_t>(y);
    image.pixels.insert(image.pixels.end(), row, row + matrix.cols);
  }
  return image;
}

}  // namespace

std::vector<std::byte> encode_png(const GrayImage& image) {
  require_picture(image, "PNG");
  const cv::Mat matrix(image.height, image.width, CV_8UC1, const_cast<std::uint8_t*>(image.pixels.data()));
  std::vector<std::uint8_t> encoded;
  if (!cv::imencode(".png", matrix, encoded)) fail(ErrorCode::kInternal, "the picture could not be encoded as PNG");
  const auto bytes = std::as_bytes(std::span(encoded));
  return {bytes.begin(), bytes.end()};
}

void write_png(const std::filesystem::path& path, const GrayImage& image) {
  const std::vector<std::byte> bytes = encode_png(image);
  write_file_atomically(path, [&](FileWriter& writer) { writer.write(bytes); });
}

GrayImage decode_picture(std::span<const std::byte> bytes) {
  const cv::Mat raw(1, int(bytes.size()), CV_8UC1, const_cast<std::byte*>(bytes.data()));
  cv::Mat matrix;
  try {
    if (!bytes.empty()) matrix = cv::imdecode(raw, cv::IMREAD_GRAYSCALE | cv::IMREAD_IGNORE_ORIENTATION);
  } catch (const cv::Exception&) {
    matrix.release();
  }
  if (matrix.empty()) fail(ErrorCode::kMalformed, "not a PNG or JPEG picture that can be read");
  return from_matrix(matrix);
}

GrayImage read_picture(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = read_file(path);
  return within("reading " + path.filename().string(), [&] { return decode_picture(bytes); });
}

}  // namespace chexworld
