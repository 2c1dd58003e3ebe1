// SPDX-License-Identifier: Apache-2.0
//
// SVG pictures of shares: both axes from 0 to 1, as ROC curves and reliability diagrams have them, and intervals beside
// each other.
#pragma once

#include <string>
#include <vector>

namespace chexworld {

struct ChartLine {
  std::string name;  ///< in the legend; empty: not named there
  std::vector<double> x, y;
  bool dashed = false;
  bool with_dots = false;
};

struct ChartMark {
  double x, y;
  double radius = 4;  ///< pixels
};

/// `legend_low`: at the lower right, where curves of good models leave room; else at the upper left.
struct UnitChart {
  std::string title, x_name, y_name;
  std::vector<ChartLine> lines;
  std::vector<ChartMark> marks;  ///< each in the colour of the line of its number
  bool legend_low = true;
};
std::string unit_chart_svg(const UnitChart& chart);

/// One row of an interval picture.
struct IntervalRow {
  std::string name;
  double value, low, high;  ///< not drawn where not finite
};
/// Values with intervals on one axis from `least` to `most`.
std::string interval_svg(const std::string& title, const std::vector<IntervalRow>& rows, double least, double most);

}  // namespace chexworld
