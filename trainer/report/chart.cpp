// SPDX-License-Identifier: Apache-2.0
#include "trainer/report/chart.h"

#include "trainer/report/html.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iterator>

namespace chexworld {
namespace {

constexpr const char* kColours[] = {"#1f5f99", "#c2571a", "#2f7d32", "#7b3f98",
                                    "#8a6d00", "#00838f", "#ad1457", "#555555"};
constexpr double kSide = 260, kLeft = 46, kTop = 28, kBottom = 44, kRight = 14;

std::string at(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

std::string tick(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2g", value);
  return text;
}

const char* colour(std::size_t number) { return kColours[number % std::size(kColours)]; }

std::string text(double x, double y, const char* anchor, const std::string& words, const std::string& more = "") {
  return "<text x='" + at(x) + "' y='" + at(y) + "' text-anchor='" + anchor + "'" + more + ">" + escaped_html(words) +
         "</text>";
}

std::string line(double x1, double y1, double x2, double y2, const std::string& stroke) {
  return "<line x1='" + at(x1) + "' y1='" + at(y1) + "' x2='" + at(x2) + "' y2='" + at(y2) + "' stroke='" + stroke +
         "'/>";
}

std::string svg(double width, double height, const std::string& title, const std::string& inside) {
  return "<svg viewBox='0 0 " + at(width) + " " + at(height) + "' width='" + at(width) + "' height='" + at(height) +
         "' role='img' aria-label='" + escaped_html(title) + "'>" + inside + "</svg>";
}

double unit_x(double value) { return kLeft + std::clamp(value, 0.0, 1.0) * kSide; }
double unit_y(double value) { return kTop + (1 - std::clamp(value, 0.0, 1.0)) * kSide; }

std::string unit_axes(const UnitChart& chart) {
  std::string inside = text(kLeft, 16, "start", chart.title, " font-weight='bold'");
  for (int i = 0; i <= 5; ++i) {
    const double share = i / 5.0;
    inside += line(kLeft, unit_y(share), kLeft + kSide, unit_y(share), "#ddd");
    inside += line(unit_x(share), kTop, unit_x(share), kTop + kSide, "#ddd");
    inside += text(kLeft - 5, unit_y(share) + 4, "end", tick(share)) +
              text(unit_x(share), kTop + kSide + 14, "middle", tick(share));
  }
  const double middle = kTop + kSide / 2;
  inside += text(kLeft + kSide / 2, kTop + kSide + 32, "middle", chart.x_name);
  return inside + text(12, middle, "middle", chart.y_name, " transform='rotate(-90 12 " + at(middle) + ")'");
}

std::string curve(const ChartLine& drawn, const char* stroke) {
  std::string points, dots;
  for (std::size_t i = 0; i < drawn.x.size(); ++i) {
    if (!std::isfinite(drawn.x[i]) || !std::isfinite(drawn.y[i])) continue;
    const std::string x = at(unit_x(drawn.x[i])), y = at(unit_y(drawn.y[i]));
    points += x + "," + y + " ";
    if (drawn.with_dots) dots += "<circle cx='" + x + "' cy='" + y + "' r='2.5' fill='" + stroke + "'/>";
  }
  return "<polyline fill='none' stroke='" + std::string(stroke) + "' stroke-width='1.6'" +
         (drawn.dashed ? " stroke-dasharray='4 3'" : "") + " points='" + points + "'/>" + dots;
}

std::string legend(const UnitChart& chart) {
  double named = 0;
  for (const ChartLine& drawn : chart.lines) named += drawn.name.empty() ? 0 : 1;
  const double x = chart.legend_low ? kLeft + kSide - 6 : kLeft + 8;
  double y = chart.legend_low ? kTop + kSide - 14 * named + 6 : kTop + 14;
  std::string inside;
  for (std::size_t i = 0; i < chart.lines.size(); ++i) {
    if (chart.lines[i].name.empty()) continue;
    inside +=
        text(x, y, chart.legend_low ? "end" : "start", chart.lines[i].name, std::string(" fill='") + colour(i) + "'");
    y += 14;
  }
  return inside;
}

}  // namespace

std::string unit_chart_svg(const UnitChart& chart) {
  std::string inside = unit_axes(chart);
  for (std::size_t i = 0; i < chart.lines.size(); ++i)
    inside += curve(chart.lines[i], chart.lines[i].dashed ? "#999" : colour(i));
  for (std::size_t i = 0; i < chart.marks.size(); ++i)
    inside += "<circle cx='" + at(unit_x(chart.marks[i].x)) + "' cy='" + at(unit_y(chart.marks[i].y)) + "' r='" +
              at(chart.marks[i].radius) + "' fill='white' stroke='" + colour(i) + "' stroke-width='2'/>";
  return svg(kLeft + kSide + kRight, kTop + kSide + kBottom, chart.title, inside + legend(chart));
}

std::string interval_svg(const std::string& title, const std::vector<IntervalRow>& rows, double least, double most) {
  constexpr double kNames = 210, kWide = 330, kStep = 20;
  const double bottom = kTop + kStep * double(rows.size());
  const auto x_of = [&](double value) {
    return kNames + std::clamp((value - least) / (most - least), 0.0, 1.0) * kWide;
  };
  std::string inside = text(0, 16, "start", title, " font-weight='bold'");
  for (int i = 0; i <= 5; ++i) {
    const double value = least + (most - least) * i / 5;
    inside +=
        line(x_of(value), kTop, x_of(value), bottom, "#ddd") + text(x_of(value), bottom + 14, "middle", tick(value));
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double y = kTop + kStep * (double(i) + 0.5);
    inside += text(kNames - 8, y + 4, "end", rows[i].name);
    if (std::isfinite(rows[i].low)) inside += line(x_of(rows[i].low), y, x_of(rows[i].high), y, colour(0));
    if (std::isfinite(rows[i].value))
      inside += "<circle cx='" + at(x_of(rows[i].value)) + "' cy='" + at(y) + "' r='3.5' fill='" + colour(0) + "'/>";
  }
  return svg(kNames + kWide + 24, bottom + 22, title, inside);
}

}  // namespace chexworld
