// SPDX-License-Identifier: Apache-2.0
#include "trainer/report/html.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

namespace chexworld {
namespace {

constexpr double kWidth = 560, kHeight = 220, kLeft = 64, kRight = 12, kTop = 28, kBottom = 28;
constexpr const char* kStyle =
    "body{font:14px sans-serif;margin:2em auto;max-width:1180px;color:#222}svg{margin:4px;font-size:11px}"
    "th{text-align:left;padding-right:1.5em;font-weight:normal;color:#666}td{padding-right:1.5em}"
    "table{border-collapse:collapse;margin:1em 0}figure{margin:1em 0}img{max-width:100%}h2{margin-top:2em}"
    ".grid tr+tr{border-top:1px solid #ddd}.grid th,.grid td{padding:3px 1.2em 3px 0;vertical-align:top}"
    ".plots{display:flex;flex-wrap:wrap;align-items:flex-start}.note{color:#666;max-width:70em}";
constexpr const char* kColours[] = {"#1f5f99", "#c2571a", "#2f7d32", "#7b3f98", "#555555"};

std::string number_text(double value, const char* format = "%.4g") {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

struct Span {
  double least = 0, most = 1;

  void widen() {
    if (most > least) return;
    const double room = least == 0 ? 1 : std::abs(least) * 0.1;
    least -= room;
    most += room;
  }
};

Span span_of(const std::vector<PlotLine>& lines, std::vector<double> PlotLine::* axis) {
  Span span{INFINITY, -INFINITY};
  for (const PlotLine& line : lines) {
    for (std::size_t i = 0; i < line.x.size(); ++i) {
      if (!std::isfinite(line.x[i]) || !std::isfinite(line.y[i])) continue;
      span.least = std::min(span.least, (line.*axis)[i]);
      span.most = std::max(span.most, (line.*axis)[i]);
    }
  }
  if (!std::isfinite(span.least)) span = {0, 1};
  span.widen();
  return span;
}

double place(double value, const Span& span, double from, double to) {
  return from + (value - span.least) / (span.most - span.least) * (to - from);
}

std::string text_at(double x, double y, const char* anchor, const std::string& text) {
  return "<text x='" + number_text(x, "%.1f") + "' y='" + number_text(y, "%.1f") + "' text-anchor='" + anchor + "'>" +
         escaped_html(text) + "</text>";
}

std::string axes(const Span& x, const Span& y) {
  std::string svg;
  for (int tick = 0; tick <= 4; ++tick) {
    const double value = y.least + (y.most - y.least) * tick / 4;
    const double at = place(value, y, kHeight - kBottom, kTop);
    svg += "<line x1='" + number_text(kLeft) + "' x2='" + number_text(kWidth - kRight) + "' y1='" +
           number_text(at, "%.1f") + "' y2='" + number_text(at, "%.1f") + "' stroke='#ddd'/>";
    svg += text_at(kLeft - 6, at + 4, "end", number_text(value, "%.3g"));
  }
  svg += text_at(kLeft, kHeight - 8, "start", number_text(x.least, "%.0f"));
  return svg + text_at(kWidth - kRight, kHeight - 8, "end", number_text(x.most, "%.0f"));
}

std::string polyline(const PlotLine& line, const Span& x, const Span& y, const char* colour) {
  std::string points;
  for (std::size_t i = 0; i < line.x.size(); ++i) {
    if (!std::isfinite(line.x[i]) || !std::isfinite(line.y[i])) continue;
    points += number_text(place(line.x[i], x, kLeft, kWidth - kRight), "%.1f") + "," +
              number_text(place(line.y[i], y, kHeight - kBottom, kTop), "%.1f") + " ";
  }
  return "<polyline fill='none' stroke='" + std::string(colour) + "' stroke-width='1.5' points='" + points + "'/>";
}

std::string base64(const std::string& bytes) {
  constexpr const char* kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned group = 0;
    for (std::size_t j = 0; j < 3; ++j)
      group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    for (std::size_t j = 0; j < 4; ++j) text += j > bytes.size() - i ? '=' : kDigits[group >> (18 - 6 * j) & 63];
  }
  return text;
}

template <class T>
void append(std::string& bytes, T value) {
  char memory[sizeof value];
  std::memcpy(memory, &value, sizeof value);
  bytes.append(memory, sizeof value);
}

/// Windows bitmap, 8 bits with a grey palette: the one picture format that takes no compression at all.
std::string bitmap(const GrayImage& image) {
  const std::uint32_t row = (std::uint32_t(image.width) + 3) / 4 * 4, pixels = row * std::uint32_t(image.height);
  constexpr std::uint32_t header = 14 + 40 + 256 * 4;
  std::string bytes = "BM";
  for (const std::uint32_t value : {header + pixels, 0U, header, 40U}) append(bytes, value);
  append(bytes, std::int32_t(image.width));
  append(bytes, -std::int32_t(image.height));  // rows from the top
  append(bytes, std::uint32_t(1 | 8 << 16));   // planes, bits
  for (const std::uint32_t value : {0U, pixels, 2835U, 2835U, 256U, 0U}) append(bytes, value);
  for (std::uint32_t grey = 0; grey < 256; ++grey) append(bytes, grey * 0x10101U);
  for (int y = 0; y < image.height; ++y) {
    bytes.append(reinterpret_cast<const char*>(image.pixels.data()) + std::ptrdiff_t(y) * image.width,
                 std::size_t(image.width));
    bytes.append(row - std::uint32_t(image.width), '\0');
  }
  return bytes;
}

std::string figure(const std::string& kind, const std::string& bytes, const std::string& caption) {
  return "<figure><img src='data:image/" + kind + ";base64," + base64(bytes) + "' alt='" + escaped_html(caption) +
         "'><figcaption>" + escaped_html(caption) + "</figcaption></figure>";
}

std::string summary_table(const Json& summary) {
  std::string html = "<table>";
  for (const auto& [key, value] : summary.items())
    html += "<tr><th>" + escaped_html(key) + "</th><td>" +
            escaped_html(value.is_string() ? value.get<std::string>() : value.dump()) + "</td></tr>";
  return html + "</table>";
}

struct Plot {
  const char* title;
  std::vector<const char*> keys;
};

std::vector<Plot> plots() {
  return {{"Loss", {"loss", "intra", "extra"}},
          {"Gradient norm", {"gradient_norm"}},
          {"Deviation of the predictions over patches", {"prediction_deviation"}},
          {"Deviation of the features over films", {"feature_deviation"}},
          {"Effective rank of the features", {"effective_rank"}},
          {"AUROC of probes", {"probe_linear", "probe_neighbours"}},
          {"Learning rate", {"learning_rate"}},
          {"Momentum of the target encoder", {"momentum"}},
          {"Films per second", {"films_per_second"}},
          {"Share of time waiting for data", {"wait_share"}}};
}

}  // namespace

std::string escaped_html(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    switch (c) {
      case '<': safe += "&lt;"; break;
      case '>': safe += "&gt;"; break;
      case '&': safe += "&amp;"; break;
      case '"': safe += "&quot;"; break;
      default: safe += c;
    }
  }
  return safe;
}

std::string html_page(const std::string& title, const std::string& body) {
  return "<!doctype html><html lang='en'><meta charset='utf-8'><title>" + escaped_html(title) + "</title><style>" +
         kStyle + "</style><h1>" + escaped_html(title) + "</h1>" + body + "</html>\n";
}

std::string html_table(const std::vector<std::vector<std::string>>& rows) {
  std::string html = "<table class='grid'>";
  for (const std::vector<std::string>& row : rows) {
    html += "<tr>";
    for (const std::string& text : row) {
      const char* kind = &row == &rows.front() || &text == &row.front() ? "th" : "td";
      html += std::string("<") + kind + ">" + escaped_html(text) + "</" + kind + ">";
    }
    html += "</tr>";
  }
  return html + "</table>";
}

std::string plot_svg(const std::string& title, const std::vector<PlotLine>& lines) {
  const Span x = span_of(lines, &PlotLine::x), y = span_of(lines, &PlotLine::y);
  std::string svg = "<svg viewBox='0 0 560 220' width='560' height='220' role='img' aria-label='" +
                    escaped_html(title) + "'>" + text_at(kLeft, 16, "start", title) + axes(x, y);
  double legend = kWidth - kRight;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const char* colour = kColours[i % std::size(kColours)];
    svg += polyline(lines[i], x, y, colour);
    if (lines.size() > 1) {
      svg += "<g fill='" + std::string(colour) + "'>" + text_at(legend, 16, "end", lines[i].name) + "</g>";
      legend -= 8.0 * double(lines[i].name.size()) + 14;
    }
  }
  return svg + "</svg>";
}

std::string embedded_picture(const GrayImage& image, const std::string& caption) {
  return figure("bmp", bitmap(image), caption);
}

std::string embedded_png(std::span<const std::byte> png, const std::string& caption) {
  return figure("png", {reinterpret_cast<const char*>(png.data()), png.size()}, caption);
}

PlotLine line_of(const std::vector<Json>& records, const std::string& key) {
  PlotLine line{key, {}, {}};
  for (const Json& record : records) {
    const auto value = record.find(key);
    if (value == record.end() || !value->is_number() || !record.contains("update")) continue;
    line.x.push_back(record["update"].get<double>());
    line.y.push_back(value->get<double>());
  }
  return line;
}

std::string training_report(const std::string& title, const Json& summary, const std::vector<Json>& records,
                            const std::vector<ReportPicture>& pictures) {
  std::string html = summary_table(summary);
  for (const Plot& plot : plots()) {
    std::vector<PlotLine> lines;
    for (const char* key : plot.keys)
      if (PlotLine line = line_of(records, key); !line.x.empty()) lines.push_back(std::move(line));
    if (!lines.empty()) html += plot_svg(plot.title, lines);
  }
  for (const ReportPicture& picture : pictures) html += embedded_picture(picture.image, picture.caption);
  return html_page(title, html);
}

}  // namespace chexworld
