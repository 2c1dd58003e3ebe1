// SPDX-License-Identifier: Apache-2.0
#include "cli/model_card.h"

#include "base/config.h"

#include <cmath>
#include <cstdio>
#include <vector>

namespace chexworld::cli {
namespace {

const char* const kNumbers[][2] = {{"auroc", "AUROC"},
                                   {"average_precision", "average precision"},
                                   {"accuracy", "accuracy"},
                                   {"balanced_accuracy", "balanced accuracy"},
                                   {"sensitivity", "sensitivity"},
                                   {"specificity", "specificity"},
                                   {"brier", "Brier score"},
                                   {"dice", "Dice"},
                                   {"iou", "intersection over union"},
                                   {"calibration_error", "expected calibration error"}};

/// Below `path` of nested objects; null where there is nothing.
const Json& below(const Json& json, std::initializer_list<const char*> path) {
  static const Json kNothing;
  const Json* found = &json;
  for (const char* key : path) {
    if (!found->is_object() || !found->contains(key)) return kNothing;
    found = &found->at(key);
  }
  return *found;
}

/// Without control characters, which a terminal would obey.
std::string shown(const std::string& text) {
  std::string safe = text;
  for (char& c : safe)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return safe;
}

std::string text_of(const Json& json) {
  return json.is_string() ? shown(json.get<std::string>()) : json.is_null() ? "" : json.dump();
}

std::string rounded(double value, const char* format = "%.3f") {
  char text[40];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

/// "0.874 (0.851 to 0.895)" of {value, low, high}; "" where there is no number.
std::string estimate(const Json& json) {
  if (!below(json, {"value"}).is_number()) return "";
  const std::string value = rounded(json["value"].get<double>());
  if (!below(json, {"low"}).is_number() || !below(json, {"high"}).is_number()) return value;
  return value + " (" + rounded(json["low"].get<double>()) + " to " + rounded(json["high"].get<double>()) + ")";
}

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : ", ") + shown(text);
  return all;
}

const char* head_name(BundleHead::Kind kind) {
  switch (kind) {
    case BundleHead::Kind::kLinear: return "fc (mean over tokens, linear)";
    case BundleHead::Kind::kNormLinear: return "norm_fc (mean over tokens, LayerNorm, linear)";
    case BundleHead::Kind::kAttentive: return "attn (attentive pooling, linear)";
    case BundleHead::Kind::kMlp: return "mlp (mean over tokens, two layers)";
  }
  return "";
}

std::string encoder_line(const BundleInfo& info) {
  return (info.architecture.empty() ? "custom vision transformer" : info.architecture) + ", width " +
         std::to_string(info.width) + ", depth " + std::to_string(info.depth) + ", " + std::to_string(info.heads) +
         " heads, " + std::to_string(info.image_size) + " px in patches of " + std::to_string(info.patch_size) + ", " +
         std::to_string(info.parameters) + " parameters";
}

/// "unet for lungs"; "" without a decoder.
std::string decoder_text(const Json& config) {
  const Json& decoder = below(config, {"decoder"});
  if (decoder.is_null()) return "";
  std::vector<std::string> regions;
  for (const Json& label : below(decoder, {"labels"})) regions.push_back(text_of(label));
  return text_of(below(decoder, {"kind"})) + " for " + joined(regions);
}

std::string calibration_text(const BundleLabel& label) {
  if (label.slope == 1 && label.intercept == 0) return "not calibrated";
  return "calibrated logit = " + rounded(label.slope, "%.4g") + " * logit " + rounded(label.intercept, "%+.4g");
}

std::string views_text(const BundleInfo& info) {
  return !info.domain || info.domain->views.empty() ? "any" : joined(info.domain->views);
}

std::string range_text(const BundleDomain::Range& range) { return rounded(range.least) + " to " + rounded(range.most); }

/// "brightness 0.210 to 0.780, contrast 0.080 to 0.310"; "" where there is neither.
std::string tones_text(const std::optional<BundleDomain>& domain) {
  std::string text;
  if (domain && domain->brightness) text += "brightness " + range_text(*domain->brightness);
  if (domain && domain->contrast) text += (text.empty() ? "" : ", ") + ("contrast " + range_text(*domain->contrast));
  return text;
}

// ---- markdown ------------------------------------------------------------------------------------------

/// Text that Markdown takes as it is: a name must not become a table cell or markup.
std::string plain(const std::string& text) {
  std::string safe;
  for (const char c : shown(text)) {
    if (std::string_view("|*_`<>[]\\#").find(c) != std::string_view::npos) safe += '\\';
    safe += c;
  }
  return safe;
}

std::string labels_table(const BundleHead& head) {
  std::string table = "| finding | threshold | calibration |\n|---|---|---|\n";
  for (const BundleLabel& label : head.labels)
    table += "| " + plain(label.name) + " | " + rounded(label.threshold) + " | " + calibration_text(label) + " |\n";
  return table;
}

/// Rows "number: estimate" of what is there.
std::string numbers_table(const Json& numbers) {
  std::string rows;
  for (const auto& [key, name] : kNumbers) {
    const std::string found = estimate(below(numbers, {key}));
    if (!found.empty()) rows += "| " + std::string(name) + " | " + found + " |\n";
  }
  return rows.empty() ? "" : "| number | value (95 % interval) |\n|---|---|\n" + rows;
}

std::string findings_table(const Json& findings) {
  std::string table =
      "| finding | positive | negative | AUROC | sensitivity | specificity |\n|---|---|---|---|---|---|\n";
  for (const Json& finding : findings) {
    const auto number = [&](const char* key) {
      const std::string found = estimate(below(finding, {"numbers", key}));
      return found.empty() ? "-" : found;
    };
    table += "| " + plain(text_of(below(finding, {"name"}))) + " | " + text_of(below(finding, {"positive"})) + " | " +
             text_of(below(finding, {"negative"})) + " | " + number("auroc") + " | " + number("sensitivity") + " | " +
             number("specificity") + " |\n";
  }
  return table;
}

std::string subgroup_tables(const Json& tables) {
  std::string text;
  for (const Json& table : tables) {
    text += "\n### By " + plain(text_of(below(table, {"column"}))) +
            "\n\n| group | films | AUROC | sensitivity | specificity |\n|---|---|---|---|---|\n";
    for (const Json& group : below(table, {"groups"})) {
      const auto number = [&](const char* key) {
        const std::string found = estimate(below(group, {"numbers", key}));
        return found.empty() ? "-" : found;
      };
      text += "| " + plain(text_of(below(group, {"value"}))) + " | " + text_of(below(group, {"films"})) + " | " +
              number("auroc") + " | " + number("sensitivity") + " | " + number("specificity") + " |\n";
    }
    const std::string gap = estimate(below(table, {"gaps", "auroc"}));
    if (!gap.empty()) text += "\nLargest difference of AUROC between two groups: " + gap + ".\n";
  }
  return text;
}

std::string metrics_section(const Json& evaluation) {
  const Json& pooled = below(evaluation, {"pooled"});
  if (pooled.is_null()) return "No evaluation is stored in this bundle.\n";
  std::string text = "On " + text_of(below(pooled, {"films"})) + " films of " + text_of(below(pooled, {"patients"})) +
                     " patients (" + plain(text_of(below(evaluation, {"films"}))) +
                     "). Intervals: bootstrap over patients. Numbers are means over " +
                     (below(pooled, {"means", "dice"}).is_null() ? "findings" : "films") + ".\n\n";
  text += numbers_table(below(pooled, {"means"}));
  if (const Json& classes = below(pooled, {"classes"}); !classes.is_null())
    text += "\nThe most probable class against the true one:\n\n" + numbers_table(classes);
  if (const Json& findings = below(pooled, {"findings"}); findings.is_array() && !findings.empty())
    text += "\n" + findings_table(findings);
  const Json& error = below(evaluation, {"calibration_error"});
  if (below(error, {"before"}).is_number() && below(error, {"after"}).is_number())
    text += "\nExpected calibration error on held-out films: " + rounded(error["before"].get<double>()) + " before, " +
            rounded(error["after"].get<double>()) + " after calibration.\n";
  return text;
}

std::string subgroups_section(const Json& evaluation) {
  const Json& tables = below(evaluation, {"pooled", "subgroups"});
  if (!tables.is_array() || tables.empty()) return "Not evaluated.\n";
  return "A difference between groups may come from few films: look at the intervals.\n" + subgroup_tables(tables);
}

std::string training_section(const Json& training) {
  if (!training.is_object() || training.empty()) return "The bundle does not say.\n";
  std::string text;
  for (const auto& [key, value] : training.items())
    if (!value.is_structured()) text += "- " + plain(key) + ": " + plain(text_of(value)) + "\n";
  return text.empty() ? "The bundle does not say.\n" : text;
}

std::string limits_section(const BundleInfo& info) {
  std::string text = "- Not for diagnosis. Results are for research and need a physician's own reading.\n";
  if (!info.head)
    return text + "- The bundle has no findings: it gives embeddings, and regions where it has a decoder.\n";
  text += "- Probabilities are given for these views only: " + plain(views_text(info)) + ".\n";
  if (info.domain && !info.domain->refused_quality.empty())
    text += "- None is given for pictures marked " + plain(joined(info.domain->refused_quality)) + ".\n";
  if (const std::string tones = tones_text(info.domain); !tones.empty())
    text += "- Only for pictures of " + tones +
            " (mean and standard deviation, black 0 to white 1, of the prepared picture).\n";
  if (!info.domain) text += "- No domain is stored, so every film is answered, however unlike the training films.\n";
  return text +
         "- A number measured on one archive does not hold for another: labels, equipment and patients differ. "
         "Evaluate "
         "on local films before relying on thresholds.\n"
         "- A heat map shows what the model used, not where a disease is.\n";
}

}  // namespace

std::string model_card_text(const BundleInfo& info) {
  std::string text;
  const auto line = [&](const std::string& name, const std::string& value) {
    text += name + std::string(name.size() < 14 ? 14 - name.size() : 1, ' ') + value + "\n";
  };
  const Json config = Json::parse(info.config_json, nullptr, false);
  if (info.head) {
    line("head", std::string(head_name(info.head->kind)) + (info.head->exclusive ? ", exclusive classes" : ""));
    for (const BundleLabel& label : info.head->labels)
      line("  label", shown(label.name) + ", threshold " + rounded(label.threshold) + ", " + calibration_text(label));
    line("views", views_text(info));
    if (info.domain && !info.domain->refused_quality.empty()) line("not for", joined(info.domain->refused_quality));
    if (const std::string tones = tones_text(info.domain); !tones.empty()) line("tones", tones);
  }
  if (const std::string decoder = decoder_text(config); !decoder.empty()) line("decoder", decoder);
  if (const Json& pooled = below(config, {"evaluation", "pooled"}); !pooled.is_null()) {
    line("evaluated on",
         text_of(below(pooled, {"films"})) + " films, " + text_of(below(config, {"evaluation", "films"})));
    for (const auto& [key, name] : kNumbers)
      if (const std::string found = estimate(below(pooled, {"means", key})); !found.empty())
        line("  " + std::string(name), found);
  }
  for (const auto& [key, value] : below(config, {"training"}).items())
    if (!value.is_structured()) line("training", shown(key) + ": " + text_of(value));
  return text;
}

std::string model_card_markdown(const BundleInfo& info, const std::string& title) {
  const Json config = Json::parse(info.config_json, nullptr, false);
  const Json& evaluation = below(config, {"evaluation"});
  std::string text = "# " + plain(title) + "\n\n## Model details\n\n- Model id (SHA-256 of the bundle): `" +
                     info.model_id + "`\n- Encoder: " + encoder_line(info) + "\n";
  if (info.head) text += "- Head: " + std::string(head_name(info.head->kind)) + "\n";
  const std::string decoder = decoder_text(config);
  if (!decoder.empty()) text += "- Segmentation decoder: " + plain(decoder) + "\n";
  text += "- Self-test in the bundle: " + std::string(info.has_self_test ? "yes" : "no") + "\n";
  text += "\n## Intended use\n\nResearch on chest radiographs: embeddings for search and training";
  text += info.head ? ", and calibrated probabilities of the findings below with the places in the picture they come "
                      "from. Users are imaging researchers and informatics teams.\n\n" +
                          labels_table(*info.head)
                    : ". Users are imaging researchers and informatics teams.\n";
  text += "\n## Training data and procedure\n\n" + training_section(below(config, {"training"}));
  text += "\n## Metrics\n\n" + metrics_section(evaluation);
  text += "\n## Subgroups\n\n" + subgroups_section(evaluation);
  text += "\n## Limits\n\n" + limits_section(info);
  const std::string licence = info.licence.empty() ? "The bundle does not say." : plain(info.licence);
  return text + "\n## Licence\n\n" + licence + "\n";
}

}  // namespace chexworld::cli
