// SPDX-License-Identifier: Apache-2.0
#include "trainer/run/run_folder.h"

#include "base/file.h"
#include "base/log.h"
#include "trainer/evaluation/metrics.h"
#include "trainer/report/html.h"
#include "trainer/run/export.h"
#include "trainer/run/sample_pictures.h"

#include <ATen/ATen.h>

namespace chexworld {
namespace {

constexpr std::size_t kHealthFilms = 128;

/// Evenly over the list, so that it is the same whenever it is asked for.
std::vector<std::int64_t> spread(const std::vector<std::int64_t>& films, std::size_t count) {
  std::vector<std::int64_t> chosen;
  for (std::size_t i = 0; i < std::min(count, films.size()); ++i)
    chosen.push_back(films[i * films.size() / std::min(count, films.size())]);
  return chosen;
}

std::filesystem::path made(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  return folder;
}

double wall_seconds(const Clock& clock) {
  return std::chrono::duration<double>(clock.wall().time_since_epoch()).count();
}

std::optional<FeatureHealth> first_health(const std::vector<Json>& records) {
  for (const Json& record : records)
    if (record.contains("feature_deviation") && record.contains("effective_rank"))
      return FeatureHealth{record["feature_deviation"].get<double>(), record["effective_rank"].get<double>()};
  return {};
}

}  // namespace

Json to_json(const UpdateRecord& r) {
  return {{"update", r.update},
          {"epoch", r.epoch},
          {"loss", r.loss},
          {"intra", r.intra},
          {"extra", r.extra},
          {"prediction_deviation", r.prediction_deviation},
          {"gradient_norm", r.gradient_norm},
          {"learning_rate", r.learning_rate},
          {"weight_decay", r.weight_decay},
          {"momentum", r.momentum},
          {"films_per_second", r.films_per_second},
          {"wait_share", r.wait_share},
          {"seconds", r.seconds},
          {"skipped", r.skipped}};
}

RunFolder::RunFolder(std::filesystem::path folder, const Pretraining& run, const Archive& archive,
                     std::vector<std::int64_t> films, std::optional<ProbeStudies> studies, Clock& clock)
    : folder_(made(folder)),
      run_(run),
      archive_(archive),
      films_(std::move(films)),
      studies_(std::move(studies)),
      clock_(clock),
      metrics_(folder_ / "metrics.jsonl", run.progress().updates),
      events_(folder_, wall_seconds(clock)) {
  write_file_atomically(folder_ / "config.json", to_json(run.config()).dump(2) + "\n");
}

void RunFolder::add(const Json& record) {
  metrics_.add(record);
  std::map<std::string, double> scalars;
  for (const auto& [key, value] : record.items())
    if (key != "update" && value.is_number()) scalars["train/" + key] = value.get<double>();
  events_.add(record.at("update").get<std::int64_t>(), wall_seconds(clock_), scalars);
}

void RunFolder::on_record(const UpdateRecord& record) {
  add(to_json(record));
  if (show_) show_(record);
}

std::optional<double> RunFolder::on_health(const WorldModel& model, std::int64_t update) {
  const FeatureHealth health =
      feature_health(film_features(model.target_encoder(), archive_, spread(films_, kHealthFilms)));
  const std::string warning = collapse_warning(health, first_health(metrics_.records()).value_or(health));
  if (!warning.empty()) log_warning("update " + std::to_string(update) + ": " + warning);
  Json record{{"update", update}, {"feature_deviation", health.deviation}, {"effective_rank", health.effective_rank}};
  const std::optional<double> value = try_probe(model, record);
  add(record);
  return value;
}

std::optional<double> RunFolder::try_probe(const WorldModel& model, Json& record) const {
  if (!studies_) return {};
  const ProbeResult result =
      probe(film_features(model.target_encoder(), *studies_->archive, studies_->task.labels.films), studies_->task);
  record["probe_linear"] = mean_of(result.linear);
  record["probe_linear_deviation"] = deviation_of(result.linear);
  record["probe_linear_folds"] = result.linear;
  record["probe_neighbours"] = mean_of(result.neighbours);
  record["probe_neighbours_deviation"] = deviation_of(result.neighbours);
  return mean_of(result.linear);
}

void RunFolder::on_saved(const std::filesystem::path& checkpoint, std::int64_t update) {
  write_report(false);
  if (saved_) saved_(checkpoint, update);
}

Json RunFolder::summary() const {
  Json summary{{"updates", std::to_string(run_.progress().updates) + " of " + std::to_string(run_.updates_in_run())},
               {"films", films_.size()},
               {"minutes", run_.progress().seconds / 60},
               {"skipped updates", run_.progress().skipped},
               {"written", iso8601_utc(clock_.wall())}};
  const PlotLine loss = line_of(metrics_.records(), "loss");
  if (!loss.y.empty()) summary["loss"] = loss.y.back();
  const PlotLine linear = line_of(metrics_.records(), "probe_linear");
  if (!linear.y.empty()) summary["AUROC of the linear probe"] = linear.y.back();
  return summary;
}

void RunFolder::write_report(bool with_pictures) {
  std::vector<ReportPicture> pictures;
  if (with_pictures) pictures = sample_pictures(run_.model(), run_.config(), archive_, films_);
  write_file_atomically(folder_ / "report.html",
                        training_report("Pre-training", summary(), metrics_.records(), pictures));
}

std::string RunFolder::finish(const std::filesystem::path& bundle) {
  write_report(true);
  return export_target_encoder(run_.model(), bundle, archive_.settings().trim, summary());
}

}  // namespace chexworld
