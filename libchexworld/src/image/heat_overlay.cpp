// SPDX-License-Identifier: Apache-2.0
#include "image/heat_overlay.h"

#include "base/failure.h"
#include "image/geometry.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

namespace chexworld {
namespace {

using Colour = cv::Vec3f;  // blue, green, red, 0 to 255: OpenCV's order

constexpr float kDensest = 0.6F;  // share of colour where a value is largest
const Colour kPositive(48, 48, 230), kNegative(235, 120, 30);
constexpr int kFrameGrey = 170;
constexpr float kBarGrey = 60;
constexpr int kScaleWidth = 84, kBarLeft = 14, kBarWidth = 14, kBarMargin = 24;

void require_layer(const HeatLayer& layer) {
  const auto count = std::size_t(layer.grid) * std::size_t(layer.grid);
  const bool finite = std::all_of(layer.values.begin(), layer.values.end(), [](float v) { return std::isfinite(v); });
  if (layer.grid < 1 || layer.values.size() != count || !finite)
    fail(ErrorCode::kInvalidArgument,
         "heat map: a grid of side " + std::to_string(layer.grid) + " needs as many finite values");
  if (!(layer.window.height > 0 && layer.window.width > 0))
    fail(ErrorCode::kInvalidArgument, "heat map: its window on the film is empty");
}

float full_scale_of(const HeatLayer& layer) {
  if (layer.full_scale > 0) return float(layer.full_scale);
  float most = 0;
  for (const float value : layer.values) most = std::max(most, std::abs(value));
  return most > 0 ? most : 1;
}

/// The colour of a value in -1..1 over a grey level. Small values fade away, so that the film stays readable.
Colour tinted(float grey, float value) {
  const float density = kDensest * std::min(1.0F, std::abs(value));
  return Colour(grey, grey, grey) * (1 - density) + (value > 0 ? kPositive : kNegative) * density;
}

cv::Vec3b rounded(const Colour& colour) {
  return {cv::saturate_cast<uchar>(colour[0]), cv::saturate_cast<uchar>(colour[1]),
          cv::saturate_cast<uchar>(colour[2])};
}

/// The grid's value at a place on the film, f32[H,W] in units of the full scale; 0 outside the window. Patches are
/// joined smoothly between their middles.
cv::Mat field_over(const cv::Size& film, const HeatLayer& layer) {
  const cv::Mat grid(layer.grid, layer.grid, CV_32F, const_cast<float*>(layer.values.data()));
  cv::Mat rows(film, CV_32F), columns(film, CV_32F), field;
  for (int y = 0; y < film.height; ++y) {
    const double down = ((y + 0.5) / film.height - layer.window.top) / layer.window.height;
    for (int x = 0; x < film.width; ++x) {
      const double across = ((x + 0.5) / film.width - layer.window.left) / layer.window.width;
      const bool inside = down >= 0 && down < 1 && across >= 0 && across < 1;
      rows.at<float>(y, x) = inside ? float(down * layer.grid - 0.5) : -1e6F;
      columns.at<float>(y, x) = inside ? float(across * layer.grid - 0.5) : -1e6F;
    }
  }
  // A frame of copies lets the outermost patches reach to the window's edge.
  cv::Mat padded;
  cv::copyMakeBorder(grid, padded, 1, 1, 1, 1, cv::BORDER_REPLICATE);
  cv::remap(padded, field, columns + 1, rows + 1, cv::INTER_LINEAR, cv::BORDER_CONSTANT, cv::Scalar(0));
  return field / full_scale_of(layer);
}

void draw_frame(const ViewWindow& window, const cv::Size& film, cv::Mat& picture) {
  const auto at = [](double share, int length) { return int(std::lround(share * length)); };
  const cv::Point first(at(window.left, film.width), at(window.top, film.height));
  const cv::Point last(at(window.left + window.width, film.width) - 1, at(window.top + window.height, film.height) - 1);
  cv::Mat inside = picture(cv::Rect(0, 0, film.width, film.height));
  cv::rectangle(inside, first, last, cv::Scalar::all(kFrameGrey), 1);
}

void draw_scale(float full_scale, int film_width, cv::Mat& picture) {
  const int top = std::min(kBarMargin, picture.rows / 4), bottom = picture.rows - 1 - top;
  const int left = film_width + kBarLeft;
  for (int y = top; y <= bottom; ++y) {
    const float value = 1 - 2 * float(y - top) / float(std::max(1, bottom - top));
    picture(cv::Rect(left, y, kBarWidth, 1)).setTo(cv::Scalar(rounded(tinted(kBarGrey, value))));
  }
  const auto write = [&](float value, int baseline) {
    char text[24];
    std::snprintf(text, sizeof text, "%+.2g", double(value));
    cv::putText(picture, value == 0 ? "0" : text, {left + kBarWidth + 5, baseline}, cv::FONT_HERSHEY_SIMPLEX, 0.36,
                cv::Scalar::all(220), 1, cv::LINE_AA);
  };
  write(full_scale, top + 9);
  write(0, (top + bottom) / 2 + 4);
  write(-full_scale, bottom);
}

ColourImage from_matrix(const cv::Mat& picture) {
  cv::Mat colour;
  cv::cvtColor(picture, colour, cv::COLOR_BGR2RGB);
  ColourImage image{colour.cols, colour.rows, {}};
  image.pixels.assign(colour.datastart, colour.dataend);
  return image;
}

}  // namespace

ColourImage heat_overlay(const GrayImage& film, const HeatLayer& layer) {
  require_picture(film, "heat map");
  require_layer(layer);
  const cv::Size size(film.width, film.height);
  const cv::Mat field = field_over(size, layer);
  cv::Mat picture(film.height, film.width + kScaleWidth, CV_8UC3, cv::Scalar::all(0));
  for (int y = 0; y < film.height; ++y)
    for (int x = 0; x < film.width; ++x)
      picture.at<cv::Vec3b>(y, x) = rounded(tinted(float(film.at(y, x)), field.at<float>(y, x)));
  draw_frame(layer.window, size, picture);
  draw_scale(full_scale_of(layer), film.width, picture);
  return from_matrix(picture);
}

std::vector<std::byte> encode_png(const ColourImage& image) {
  if (image.width < 1 || image.height < 1 ||
      image.pixels.size() != 3 * std::size_t(image.width) * std::size_t(image.height))
    fail(ErrorCode::kInvalidArgument, "PNG: a colour picture needs three values for each pixel");
  const cv::Mat colour(image.height, image.width, CV_8UC3, const_cast<std::uint8_t*>(image.pixels.data()));
  cv::Mat picture;
  cv::cvtColor(colour, picture, cv::COLOR_RGB2BGR);
  std::vector<std::uint8_t> encoded;
  if (!cv::imencode(".png", picture, encoded)) fail(ErrorCode::kInternal, "the picture could not be encoded as PNG");
  const auto bytes = std::as_bytes(std::span(encoded));
  return {bytes.begin(), bytes.end()};
}

}  // namespace chexworld
