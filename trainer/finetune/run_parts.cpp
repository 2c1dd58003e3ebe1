// SPDX-License-Identifier: Apache-2.0
#include "trainer/finetune/run_parts.h"

#include "trainer/finetune/run_claim.h"
#include "trainer/report/metrics_file.h"

#include <ATen/Parallel.h>

namespace chexworld {

void use_threads(const FitConfig& config) {
  if (config.threads > 0) at::set_num_threads(int(config.threads));
}

Json identity_of(const PlannedModel& planned, const EncoderStart& start, const Json& settings) {
  return {{"settings", binding_settings(settings)},
          {"encoder", start.model_id},
          {"from_scratch", start.from_scratch()},
          {"seed", planned.seed},
          {"train", planned.split.train},
          {"validation", planned.split.validation},
          {"test", planned.split.test}};
}

FitOutcome fit_and_record(FitTask& task, const FitConfig& config, const PlannedModel& planned,
                          const std::filesystem::path& folder,
                          const std::function<void(const PlannedModel&, const EpochRecord&)>& epoch,
                          const std::function<bool()>& stop) {
  MetricsFile metrics(folder / "metrics.jsonl", 0);
  const auto tell = [&](const EpochRecord& record) {
    metrics.add(to_json(record));
    if (epoch) epoch(planned, record);
  };
  const FitOutcome outcome = fit(task, config, planned.seed, tell, stop);
  if (!outcome.stopped) task.model().train(false);
  return outcome;
}

Json training_facts(const std::string& what, const EncoderStart& start, const Json& settings, std::int64_t best_epoch,
                    double seconds) {
  return {{"what", what},
          {"from", start.from_scratch() ? "fresh weights of the architecture" : "pre-trained weights"},
          {"encoder_model_id", start.model_id},
          {"settings", settings},
          {"best_epoch", best_epoch},
          {"minutes", seconds / 60}};
}

}  // namespace chexworld
