// SPDX-License-Identifier: Apache-2.0
#include "worker/routes.h"

#include <fstream>
#include <unistd.h>

namespace chexworld {
namespace {

using Samples = std::vector<Metrics::Sample>;

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double total = 0, resident = 0;
  statm >> total >> resident;
  return resident * double(sysconf(_SC_PAGESIZE));
}

void declare_pipeline(Metrics& metrics, Worker& worker) {
  metrics.declare_gauge("chexworld_pipeline_objects", "Objects in the pipeline by stage.", [&worker]() -> Samples {
    const PipelineStats stats = worker.pipeline_stats();
    return {{{{"stage", "all"}}, double(stats.inside)},
            {{{"stage", "waiting"}}, double(stats.waiting)},
            {{{"stage", "prepared"}}, double(stats.prepared)}};
  });
  metrics.declare_gauge("chexworld_pipeline_bytes", "Bytes of objects in the pipeline.",
                        [&worker]() -> Samples { return {{{}, double(worker.pipeline_stats().bytes)}}; });
  metrics.declare_read_counter("chexworld_refused_total", "Objects refused because the pipeline was full.",
                               [&worker]() -> Samples { return {{{}, double(worker.pipeline_stats().refused)}}; });
  metrics.declare_read_counter("chexworld_batches_total", "Batches computed, by the number of radiographs in them.",
                               [&worker] {
                                 Samples samples;
                                 for (const auto& [size, count] : worker.pipeline_stats().batches)
                                   samples.push_back({{{"size", std::to_string(size)}}, double(count)});
                                 return samples;
                               });
  metrics.declare_read_counter("chexworld_model_switches_total", "Hand-overs to another model.",
                               [&worker]() -> Samples { return {{{}, double(worker.pipeline_stats().switches)}}; });
}

void declare_decoders(Metrics& metrics, Worker& worker) {
  metrics.declare_read_counter("chexworld_decoder_losses_total", "Objects that cost their decoder process, by cause.",
                               [&worker]() -> Samples {
                                 const DecoderCounts counts = worker.decoder_counts();
                                 return {{{{"cause", "crashed"}}, double(counts.crashed)},
                                         {{{"cause", "timed-out"}}, double(counts.timed_out)},
                                         {{{"cause", "out-of-memory"}}, double(counts.out_of_memory)}};
                               });
  metrics.declare_read_counter("chexworld_decoder_starts_total", "Decoder processes started.",
                               [&worker]() -> Samples { return {{{}, double(worker.decoder_counts().started)}}; });
}

void declare_models(Metrics& metrics, Worker& worker) {
  metrics.declare_gauge("chexworld_model_info", "1 for the model that answers.", [&worker]() -> Samples {
    const auto model = worker.model();
    if (!model) return {};
    return {{{{"model_id", model->model_id}, {"precision", std::string(name_of(model->engine.precision))}}, 1}};
  });
  metrics.declare_gauge("chexworld_instances", "Instances in the store, and those with a result of the active model.",
                        [&worker]() -> Samples {
                          const Coverage coverage = worker.coverage();
                          return {{{{"kind", "known"}}, double(coverage.instances)},
                                  {{{"kind", "with-result"}}, double(coverage.with_result)},
                                  {{{"kind", "given-up"}}, double(coverage.given_up)}};
                        });
}

}  // namespace

void declare_metrics(Metrics& metrics, Worker& worker) {
  metrics.declare_counter("chexworld_requests_total", "Requests answered, by route and HTTP status.");
  metrics.declare_histogram("chexworld_request_seconds", "Time from a request's last byte to its answer, by route.",
                            {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30});
  metrics.declare_counter("chexworld_objects_total",
                          "Objects answered, by status (embedded, skipped, failed) and reason.");
  metrics.declare_counter("chexworld_abstained_total",
                          "Embedded objects whose findings got no answer, outside the calibrated domain, by reason.");
  metrics.declare_histogram("chexworld_stage_seconds", "Time of embedded objects in each stage.",
                            {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10});
  declare_pipeline(metrics, worker);
  declare_decoders(metrics, worker);
  declare_models(metrics, worker);
  metrics.declare_gauge("chexworld_resident_memory_bytes", "Memory of the worker process, without its decoders.",
                        []() -> Samples { return {{{}, resident_bytes()}}; });
}

}  // namespace chexworld
