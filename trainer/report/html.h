// SPDX-License-Identifier: Apache-2.0
//
// A report that opens in any browser and needs nothing beside it.
#pragma once

#include "base/config.h"
#include "image/image.h"

#include <span>
#include <string>
#include <vector>

namespace chexworld {

/// Text as it may stand in a page.
std::string escaped_html(const std::string& text);
/// A whole page with a title and the common style.
std::string html_page(const std::string& title, const std::string& body);

/// A table whose first row and first column are headings; texts are escaped.
std::string html_table(const std::vector<std::vector<std::string>>& rows);

/// One line of a plot.
struct PlotLine {
  std::string name;
  std::vector<double> x, y;  ///< equally many; places that are not finite are left out
};

/// An SVG picture of lines over a common x axis.
std::string plot_svg(const std::string& title, const std::vector<PlotLine>& lines);

/// A picture inside a page: <img> with its pixels in it.
std::string embedded_picture(const GrayImage& image, const std::string& caption);

/// The same of an image file's bytes (PNG).
std::string embedded_png(std::span<const std::byte> png, const std::string& caption);

/// The lines of `records` that have `key`, over their "update".
PlotLine line_of(const std::vector<Json>& records, const std::string& key);

struct ReportPicture {
  GrayImage image;
  std::string caption;
};

/// The whole page: summary table, plots of what the records hold, pictures.
std::string training_report(const std::string& title, const Json& summary, const std::vector<Json>& records,
                            const std::vector<ReportPicture>& pictures);

}  // namespace chexworld
