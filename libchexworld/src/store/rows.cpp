// SPDX-License-Identifier: Apache-2.0
#include "store/rows.h"

#include "base/config.h"
#include "base/failure.h"
#include "store/embedding.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <tuple>

namespace chexworld {
namespace {

using std::chrono::milliseconds;

SqlValue value_of(const std::optional<std::chrono::year_month_day>& date) {
  if (!date) return std::monostate{};
  return std::int64_t(int(date->year())) * 10000 + unsigned(date->month()) * 100 + unsigned(date->day());
}

SqlValue value_of(const std::optional<double>& number) {
  if (!number) return std::monostate{};
  return *number;
}

std::chrono::year_month_day date_from(std::int64_t number) {
  return std::chrono::year(int(number / 10000)) / std::chrono::month(unsigned(number / 100 % 100)) /
         std::chrono::day(unsigned(number % 100));
}

std::vector<std::string> texts_from_json(const std::string& text) {
  return within("a list in the store", [&] { return parse_json(text, "a text").get<std::vector<std::string>>(); });
}

}  // namespace

const std::string kQueueSecondLook =
    "INSERT INTO work (server, orthanc_instance, orthanc_series, orthanc_study, model, priority, state, attempts, "
    "claim, claimed_by, lease_until_ms, not_before_ms, reason_code, reason, failed_ms) SELECT l.server, "
    "l.orthanc_instance, l.orthanc_series, l.orthanc_study, m.model, 1, 0, 0, 0, '', 0, 0, '', '', 0 FROM locations l "
    "JOIN models m ON m.model = $1 WHERE NOT EXISTS (SELECT 1 FROM results r WHERE r.instance = l.instance AND "
    "r.model = m.model) ";
const std::string kInstanceColumns =
    "sop_instance_uid, series_instance_uid, study_instance_uid, patient_key, modality_view, sex, institution, device, "
    "acquisition_date, age_years, sop_class_uid";

namespace {

// Label texts hold no control characters, so these two divide them: unit and record separator.
constexpr char kUnit = '\x1f', kRecord = '\x1e';

std::string label_text(const std::string& level, const std::string& from_where) {
  const std::string unit = std::string(" || '") + kUnit + "' || ";
  return "COALESCE((SELECT string_agg('" + level + "'" + unit + "k.code" + unit + "k.name" + unit + "k.value" + unit +
         "l.source, '" + kRecord + "') FROM " + from_where + "), '')";
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

const std::string kLabelText =
    label_text("i", "instance_labels l JOIN labels k ON k.label = l.label WHERE l.instance = i.instance") + " || '" +
    kRecord + "' || " +
    label_text("s",
               "study_labels l JOIN labels k ON k.label = l.label WHERE l.study_instance_uid = "
               "i.study_instance_uid");

const std::string kSelectResult =
    "SELECT r.result, r.sequence, r.embedding, r.embedding_scale, r.findings, r.preprocessing_version, "
    "r.numeric_precision, r.decode_ms, r.prepare_ms, r.infer_ms, r.stored_ms, r.quality, r.abstained, "
    "r.abstained_detail, i.sop_instance_uid, i.series_instance_uid, i.study_instance_uid, i.patient_key, "
    "i.modality_view, i.sex, i.institution, i.device, "
    "i.acquisition_date, i.age_years, i.sop_class_uid, " +
    kLabelText + " FROM results r JOIN instances i ON i.instance = r.instance ";

StoredResult result_from(const SqlRow& row, const std::string& model_id) {
  StoredResult stored;
  stored.row = row.integer(0);
  stored.sequence = std::uint64_t(row.integer(1));
  ResultRecord& result = stored.result;
  result.model_id = model_id;
  result.embedding = decode_embedding(row.bytes(2), row.real(3));
  result.finding_probabilities = decode_floats(row.bytes(4));
  result.preprocessing_version = row.text(5);
  result.precision = row.text(6);
  result.decode_ms = float(row.real(7));
  result.prepare_ms = float(row.real(8));
  result.infer_ms = float(row.real(9));
  stored.stored_at = from_ms(row.integer(10));
  result.quality = texts_from_json(row.text(11));
  result.abstained = row.text(12);
  result.abstained_detail = row.text(13);
  stored.instance = instance_from(row, 14);
  stored.labels = labels_from_text(row.text(25));
  return stored;
}

std::vector<StoredLabel> labels_from_text(const std::string& text) {
  std::vector<StoredLabel> labels;
  for (const std::string_view record : split(text, kRecord)) {
    if (record.empty()) continue;
    const std::vector<std::string_view> fields = split(record, kUnit);
    int code = -1;
    if (fields.size() == 5) std::from_chars(fields[1].data(), fields[1].data() + fields[1].size(), code);
    if (code < 0 || code > LabelCode::kShared) fail(ErrorCode::kMalformed, "the labels in the store are damaged");
    labels.push_back({{std::string(fields[2]), std::string(fields[3]), std::string(fields[4])},
                      fields[0] == "i" ? LabelLevel::kInstance : LabelLevel::kStudy,
                      std::uint8_t(code)});
  }
  std::sort(labels.begin(), labels.end(), [](const StoredLabel& a, const StoredLabel& b) {
    return std::tie(a.level, a.label.name, a.label.source) < std::tie(b.level, b.label.name, b.label.source);
  });
  return labels;
}

InstanceRecord instance_from(const SqlRow& row, std::size_t first) {
  InstanceRecord instance;
  std::string* const texts[] = {&instance.sop_instance_uid,
                                &instance.series_instance_uid,
                                &instance.study_instance_uid,
                                &instance.patient_key,
                                &instance.view,
                                &instance.sex,
                                &instance.institution,
                                &instance.device};
  for (std::string* text : texts) *text = row.text(first++);
  if (!row.is_null(first)) instance.acquisition_date = date_from(row.integer(first));
  if (!row.is_null(first + 1)) instance.age_years = row.real(first + 1);
  instance.sop_class_uid = row.text(first + 2);
  return instance;
}

std::vector<SqlValue> values_of(const InstanceRecord& instance) {
  return {instance.sop_instance_uid,
          instance.series_instance_uid,
          instance.study_instance_uid,
          instance.patient_key,
          instance.view,
          instance.sex,
          instance.institution,
          instance.device,
          value_of(instance.acquisition_date),
          value_of(instance.age_years),
          instance.sop_class_uid};
}

ModelRecord model_from(const SqlRow& row, std::size_t first) {
  return {row.text(first), row.text(first + 1), std::uint32_t(row.integer(first + 2)),
          texts_from_json(row.text(first + 3))};
}

std::string texts_as_json(const std::vector<std::string>& texts) { return Json(texts).dump(); }

std::int64_t to_ms(Clock::WallTime time) {
  return std::chrono::duration_cast<milliseconds>(time.time_since_epoch()).count();
}

Clock::WallTime from_ms(std::int64_t ms) { return Clock::WallTime(milliseconds(ms)); }

}  // namespace chexworld
