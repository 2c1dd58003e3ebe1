// SPDX-License-Identifier: Apache-2.0
//
// What a run leaves behind: config.json, metrics.jsonl, TensorBoard events, report.html, checkpoints, and at the end
// the bundle.
#pragma once

#include "base/clock.h"
#include "trainer/report/event_file.h"
#include "trainer/report/metrics_file.h"
#include "trainer/run/pretraining.h"
#include "trainer/run/probe.h"

namespace chexworld {

/// Labelled films that a run may try its encoder on; never trained on through this.
struct ProbeStudies {
  const Archive* archive = nullptr;
  ProbeTask task;
};

/// Not thread safe. Archive and studies must outlive it.
class RunFolder final : public RunListener {
 public:
  using Show = std::function<void(const UpdateRecord&)>;
  /// A checkpoint is on disk; the model is as in it.
  using Saved = std::function<void(const std::filesystem::path& checkpoint, std::int64_t update)>;

  /// `update`: where the run goes on; records of later updates are dropped.
  RunFolder(std::filesystem::path folder, const Pretraining& run, const Archive& archive,
            std::vector<std::int64_t> films, std::optional<ProbeStudies> studies, Clock& clock = Clock::system());

  void when_recorded(Show show) { show_ = std::move(show); }
  void when_saved(Saved saved) { saved_ = std::move(saved); }

  void on_record(const UpdateRecord& record) override;
  std::optional<double> on_health(const WorldModel& model, std::int64_t update) override;
  void on_saved(const std::filesystem::path& checkpoint, std::int64_t update) override;

  /// The target encoder as a bundle, and the whole report. Returns the model id.
  std::string finish(const std::filesystem::path& bundle);

 private:
  void add(const Json& record);
  std::optional<double> try_probe(const WorldModel& model, Json& record) const;
  void write_report(bool with_pictures);
  Json summary() const;

  const std::filesystem::path folder_;
  const Pretraining& run_;
  const Archive& archive_;
  const std::vector<std::int64_t> films_;
  const std::optional<ProbeStudies> studies_;
  Clock& clock_;
  MetricsFile metrics_;
  EventFile events_;
  Show show_;
  Saved saved_;
};

Json to_json(const UpdateRecord& record);

}  // namespace chexworld
