// SPDX-License-Identifier: Apache-2.0
#include "trainer/segmentation/segmentation_report.h"

#include "base/file.h"
#include "trainer/report/chart.h"
#include "trainer/report/html.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace chexworld {
namespace {

constexpr std::uint64_t kLargestPictureBytes = 64 << 20;

std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

std::string number(double value, const char* format = "%.3f") {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

double number_in(const Json& estimate, const char* key) {
  return estimate.at(key).is_number() ? estimate.at(key).get<double>() : std::nan("");
}

/// "0.950 (0.940 to 0.960)"
std::string estimate_text(const Json& estimate) {
  return number(number_in(estimate, "value")) + " (" + number(number_in(estimate, "low")) + " to " +
         number(number_in(estimate, "high")) + ")";
}

std::string model_table(const Json& results) {
  std::vector<std::vector<std::string>> rows{{"model", "films", "Dice", "IoU", "best epoch", "minutes"}};
  for (const Json& model : results.at("models"))
    rows.push_back({text_of(model.at("name")), text_of(model.at("films")), estimate_text(model.at("dice")),
                    estimate_text(model.at("iou")), text_of(model.at("best_epoch")),
                    number(model.at("seconds").get<double>() / 60, "%.1f")});
  const Json& pooled = results.at("pooled");
  rows.push_back({"all test films", text_of(pooled.at("films")), estimate_text(pooled.at("means").at("dice")),
                  estimate_text(pooled.at("means").at("iou")), "", ""});
  return "<h2>Models</h2>" + html_table(rows) +
         "<p class='note'>Means over films, each outlined by the model that did not see it, at the archive's "
         "resolution. "
         "In parentheses: 95 % intervals, from drawing patients with all their films again and again.</p>";
}

std::string model_intervals(const Json& results) {
  std::vector<IntervalRow> rows;
  double least = 0.9;
  for (const Json& model : results.at("models")) {
    const Json& dice = model.at("dice");
    rows.push_back({text_of(model.at("name")) + " (" + text_of(model.at("films")) + ")", number_in(dice, "value"),
                    number_in(dice, "low"), number_in(dice, "high")});
    if (std::isfinite(rows.back().low)) least = std::min(least, rows.back().low);
  }
  return interval_svg("Dice by model", rows, std::floor(least * 10) / 10, 1);
}

/// Share of films below each Dice.
std::string film_curve(const Json& results) {
  std::vector<double> dice;
  for (const Json& film : results.at("each_film")) dice.push_back(film.at("dice").get<double>());
  std::sort(dice.begin(), dice.end());
  ChartLine line{"films", {0}, {0}};
  for (std::size_t i = 0; i < dice.size(); ++i) {
    line.x.push_back(dice[i]);
    line.y.push_back(double(i + 1) / double(dice.size()));
  }
  return unit_chart_svg({"Films by Dice", "Dice", "share of films with this Dice or less", {line}, {}, false});
}

std::string pictures(const std::vector<MaskScores>& models, const std::filesystem::path& folder) {
  std::string html;
  for (const MaskScores& model : models)
    for (const ScoredPicture& picture : model.pictures) {
      const std::filesystem::path file = folder / model.name / picture.file;
      if (!std::filesystem::exists(file)) continue;
      html += embedded_png(read_file(file, kLargestPictureBytes), picture.caption);
    }
  if (html.empty()) return html;
  return "<h2>Test films</h2><p class='note'>Orange: the model's region. Blue: outline of the mask that was drawn. Of "
         "every model films from its lowest Dice to its highest.</p><div class='plots'>" +
         html + "</div>";
}

}  // namespace

std::string segmentation_report(const Json& summary, const Json& results, const std::vector<MaskScores>& models,
                                const std::vector<TrainingCurve>& curves, const std::filesystem::path& folder) {
  std::vector<std::vector<std::string>> facts;
  for (const auto& [key, value] : summary.items()) facts.push_back({key, text_of(value)});
  return html_page("Segmentation", html_table(facts) + model_table(results) + model_intervals(results) +
                                       film_curve(results) +
                                       training_curves(curves, {{"loss", "Training loss"},
                                                                {"validation_loss", "Validation loss"},
                                                                {"validation_dice", "Validation Dice"},
                                                                {"learning_rate", "Learning rate"}}) +
                                       pictures(models, folder));
}

}  // namespace chexworld
