// SPDX-License-Identifier: Apache-2.0
#include "trainer/labels/label_value.h"

#include "base/failure.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace chexworld {
namespace {

using Word = std::pair<std::string_view, LabelValue>;

constexpr std::array<Word, 31> kWords{{
    {"yes", LabelValue::kPositive},
    {"y", LabelValue::kPositive},
    {"positive", LabelValue::kPositive},
    {"pos", LabelValue::kPositive},
    {"present", LabelValue::kPositive},
    {"true", LabelValue::kPositive},
    {"+", LabelValue::kPositive},
    {"no", LabelValue::kNegative},
    {"n", LabelValue::kNegative},
    {"negative", LabelValue::kNegative},
    {"neg", LabelValue::kNegative},
    {"absent", LabelValue::kNegative},
    {"false", LabelValue::kNegative},
    {"-", LabelValue::kNegative},
    {"uncertain", LabelValue::kUncertain},
    {"possible", LabelValue::kUncertain},
    {"maybe", LabelValue::kUncertain},
    {"equivocal", LabelValue::kUncertain},
    {"u", LabelValue::kUncertain},
    {"?", LabelValue::kUncertain},
    {"", LabelValue::kMissing},
    {"missing", LabelValue::kMissing},
    {"unknown", LabelValue::kMissing},
    {"na", LabelValue::kMissing},
    {"n/a", LabelValue::kMissing},
    {"nan", LabelValue::kMissing},
    {"none", LabelValue::kMissing},
    {"null", LabelValue::kMissing},
    {"unlabelled", LabelValue::kMissing},
    {"unlabeled", LabelValue::kMissing},
    {"not mentioned", LabelValue::kMissing},
}};

std::string plain(std::string_view text) {
  const auto first = text.find_first_not_of(" \t"), last = text.find_last_not_of(" \t");
  if (first == std::string_view::npos) return "";
  std::string word(text.substr(first, last - first + 1));
  std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) { return char(std::tolower(c)); });
  return word;
}

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

}  // namespace

std::optional<LabelValue> label_value_from(std::string_view text) {
  const std::string word = plain(text);
  const auto* const found = std::find_if(kWords.begin(), kWords.end(), [&](const Word& w) { return w.first == word; });
  if (found != kWords.end()) return found->second;
  const std::optional<double> value = number(word);
  if (value == 1.0) return LabelValue::kPositive;
  if (value == 0.0) return LabelValue::kNegative;
  if (value == -1.0) return LabelValue::kUncertain;
  return {};
}

UncertainPolicy uncertain_policy_from(const std::string& text) {
  if (text == "ignore") return {};
  if (text == "zero") return {0.0};
  if (text == "one") return {1.0};
  const std::optional<double> value = number(text);
  if (!value || !(*value >= 0 && *value <= 1))
    fail(ErrorCode::kInvalidArgument,
         "uncertain labels can be: ignore, zero, one, or a target from 0 to 1; not '" + text + "'");
  return {value};
}

std::string text_of(const UncertainPolicy& policy) {
  if (!policy.target) return "ignore";
  if (*policy.target == 0 || *policy.target == 1) return *policy.target == 0 ? "zero" : "one";
  char text[32];
  std::snprintf(text, sizeof text, "%g", *policy.target);
  return text;
}

}  // namespace chexworld
