// SPDX-License-Identifier: Apache-2.0
#include "store/rows.h"

#include "base/config.h"
#include "base/failure.h"
#include "store/embedding.h"

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

std::vector<std::string> labels_from_json(const std::string& text) {
  return within("finding labels in the store",
                [&] { return parse_json(text, "models").get<std::vector<std::string>>(); });
}

}  // namespace

const std::string kInstanceColumns =
    "sop_instance_uid, series_instance_uid, study_instance_uid, patient_key, modality_view, sex, institution, device, "
    "acquisition_date, age_years";

const std::string kSelectResult =
    "SELECT r.result, r.sequence, r.embedding, r.embedding_scale, r.findings, r.preprocessing_version, "
    "r.numeric_precision, r.decode_ms, r.prepare_ms, r.infer_ms, r.stored_ms, i.sop_instance_uid, "
    "i.series_instance_uid, i.study_instance_uid, i.patient_key, i.modality_view, i.sex, i.institution, i.device, "
    "i.acquisition_date, i.age_years FROM results r JOIN instances i ON i.instance = r.instance ";

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
  stored.instance = instance_from(row, 11);
  return stored;
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
          value_of(instance.age_years)};
}

ModelRecord model_from(const SqlRow& row, std::size_t first) {
  return {row.text(first), row.text(first + 1), std::uint32_t(row.integer(first + 2)),
          labels_from_json(row.text(first + 3))};
}

std::string labels_as_json(const std::vector<std::string>& labels) { return Json(labels).dump(); }

std::int64_t to_ms(Clock::WallTime time) {
  return std::chrono::duration_cast<milliseconds>(time.time_since_epoch()).count();
}

Clock::WallTime from_ms(std::int64_t ms) { return Clock::WallTime(milliseconds(ms)); }

}  // namespace chexworld
