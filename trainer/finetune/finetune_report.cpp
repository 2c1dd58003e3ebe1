// SPDX-License-Identifier: Apache-2.0
#include "trainer/finetune/finetune_report.h"

#include "trainer/evaluation/evaluation_report.h"
#include "trainer/report/html.h"

#include <cstdio>

namespace chexworld {
namespace {

std::string number(const Json& value, const char* format = "%.3f") {
  if (!value.is_number()) return "-";
  char text[32];
  std::snprintf(text, sizeof text, format, value.get<double>());
  return text;
}

std::string spaced(std::string key) {
  for (char& c : key)
    if (c == '_') c = ' ';
  return key;
}

/// A row per model, and their mean and deviation.
std::string model_table(const Json& results) {
  const Json& spreads = results.at("over_models");
  std::vector<std::string> heads{"model", "films", "best epoch", "minutes"}, means{"mean ± deviation", "", "", ""};
  for (const auto& [key, spread] : spreads.items()) {
    heads.push_back(spaced(key));
    means.push_back(number(spread.at("mean")) + " ± " + number(spread.at("deviation")));
  }
  std::vector<std::vector<std::string>> rows{heads};
  for (const Json& model : results.at("models")) {
    std::vector<std::string> row{model.at("name").get<std::string>(), model.at("films").dump(),
                                 model.at("best_epoch").dump(), number(model.at("seconds").get<double>() / 60, "%.1f")};
    for (const auto& [key, spread] : spreads.items()) row.push_back(number(model.at(key)));
    rows.push_back(std::move(row));
  }
  rows.push_back(std::move(means));
  const Json& error = results.at("calibration_error");
  return "<h2>Models</h2>" + html_table(rows) +
         "<p class='note'>Each on its own test films, which neither trained, stopped nor calibrated it. Expected "
         "calibration error over all of them: " +
         number(error.at("before")) + " before, " + number(error.at("after")) +
         " after calibration. What follows pools the first seed's models, each film judged by the model that did not "
         "see it.</p>";
}

}  // namespace

std::string training_curves(const std::vector<TrainingCurve>& curves,
                            const std::vector<std::pair<std::string, std::string>>& keys) {
  std::string html = "<h2>Training</h2><div class='plots'>";
  for (const auto& [key, title] : keys) {
    std::vector<PlotLine> lines;
    for (const TrainingCurve& curve : curves) {
      PlotLine line = line_of(curve.records, key);
      line.name = curve.model;
      if (!line.x.empty()) lines.push_back(std::move(line));
    }
    if (!lines.empty()) html += plot_svg(title + " by epoch", lines);
  }
  return html + "</div>";
}

std::string finetune_report(const Json& summary, const Json& results, const Evaluation& pooled,
                            const std::vector<TrainingCurve>& curves) {
  const std::string training = training_curves(curves, {{"loss", "Training loss"},
                                                        {"validation_loss", "Validation loss"},
                                                        {"validation_auroc", "Validation AUROC"},
                                                        {"learning_rate", "Learning rate"}});
  return html_page("Fine-tuning", evaluation_body(summary, pooled, model_table(results)) + training);
}

}  // namespace chexworld
