// SPDX-License-Identifier: Apache-2.0
//
// `chexworld embed`: radiographs in, one safetensors file of embeddings out (docs/formats.md).
#include "base/config.h"
#include "base/failure.h"
#include "bundle/safetensors.h"
#include "cli/commands.h"
#include "cli/file_list.h"
#include "cli/progress.h"
#include "dicom/instance_tags.h"
#include "sandbox/decoder.h"

#include <chexworld/pipeline.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <limits>
#include <memory>
#include <optional>
#include <thread>

namespace chexworld::cli {
namespace {

using SteadyClock = std::chrono::steady_clock;

struct Options {
  std::vector<std::filesystem::path> paths;
  std::filesystem::path output;
  std::filesystem::path model;
  std::string precision = "auto";
  std::int64_t batch = 8;
  int threads = 0;
  bool in_process = false;
  bool as_json = false;
};

/// What became of each file, in the order of the files.
struct Embedded {
  std::vector<InputFile> files;
  std::vector<std::optional<PipelineOutcome>> outcomes;
  PipelineModel model;
  double seconds = 0;
};

std::shared_ptr<RadiographDecoder> make_decoder(const Options& options) {
  if (options.in_process) return make_in_process_decoder();
  SandboxOptions sandbox;
  sandbox.processes = std::max(1, int(std::thread::hardware_concurrency()));
  return make_sandboxed_decoder(sandbox).value();
}

Pipeline open_pipeline(const Options& options) {
  PipelineOptions pipeline;
  pipeline.engine.precision = precision_from(options.precision).value();
  pipeline.engine.max_batch = options.batch;
  pipeline.engine.threads = options.threads;
  pipeline.decoder = make_decoder(options);
  return Pipeline::open(options.model, pipeline).value();
}

/// A picture is named by its file; a DICOM object by its SOP Instance UID, because file names of DICOM objects may name
/// patients.
std::string id_of(const InputFile& file, const RadiographResult& result) {
  const bool is_picture = !result.tags || *result.tags == InstanceTags();
  return is_picture ? file.name : result.tags->sop_instance_uid;
}

bool has_embedding(const std::optional<PipelineOutcome>& outcome) {
  return outcome && outcome->result.ok() && !outcome->result->embedding.empty();
}

void embed_all(Pipeline& pipeline, Embedded& all, bool quiet) {
  ProgressLine progress("files");
  std::atomic<std::int64_t> done = 0;
  for (std::size_t i = 0; i < all.files.size() && !interrupted(); ++i) {
    const auto keep = [&all, &done, i](PipelineOutcome outcome) {
      all.outcomes[i] = std::move(outcome);
      ++done;
    };
    pipeline.submit({.content = all.files[i].path}, keep).value();
    if (!quiet) progress.show(done, std::int64_t(all.files.size()));
  }
  if (interrupted()) pipeline.cancel();
  pipeline.drain();
  if (!quiet) progress.show(done, std::int64_t(all.files.size()));
}

Embedded embed_files(const Options& options) {
  catch_interrupts();
  Embedded all;
  all.files = list_files(options.paths);
  if (all.files.empty()) fail(ErrorCode::kNotFound, "no DICOM, PNG or JPEG files in what was given");
  all.outcomes.resize(all.files.size());
  Pipeline pipeline = open_pipeline(options);
  all.model = pipeline.model();
  const auto start = SteadyClock::now();
  embed_all(pipeline, all, options.as_json);
  all.seconds = std::chrono::duration<double>(SteadyClock::now() - start).count();
  if (interrupted())
    fail(ErrorCode::kCancelled, "interrupted; " + options.output.string() + " was not written: run the command again");
  return all;
}

// ---- the file ----

/// The rows of one tensor f32[n,columns].
struct Rows {
  std::vector<float> values;
  std::int64_t count = 0;

  void append(const std::vector<float>& row) {
    values.insert(values.end(), row.begin(), row.end());
    ++count;
  }
  TensorView view() const {
    return {DataType::kF32, {count, std::int64_t(values.size()) / count}, std::as_bytes(std::span(values))};
  }
};

/// NaN where the head abstained.
std::vector<float> probabilities_of(const RadiographResult& result) {
  std::vector<float> row;
  for (const Finding& finding : result.findings)
    row.push_back(finding.probability ? float(*finding.probability) : std::numeric_limits<float>::quiet_NaN());
  return row;
}

/// How many were embedded.
std::int64_t write_embeddings(const Embedded& all, const std::filesystem::path& output) {
  Rows embeddings, findings;
  Json ids = Json::array(), abstained = Json::array();
  for (std::size_t i = 0; i < all.files.size(); ++i) {
    if (!has_embedding(all.outcomes[i])) continue;
    const RadiographResult& result = *all.outcomes[i]->result;
    embeddings.append(result.embedding);
    if (!result.findings.empty()) findings.append(probabilities_of(result));
    ids.push_back(id_of(all.files[i], result));
    abstained.push_back(result.abstained ? result.abstained->reason : "");
  }
  if (embeddings.count == 0) return 0;
  TensorMap tensors{{"embeddings", embeddings.view()}};
  if (findings.count > 0) tensors["findings"] = findings.view();
  TextMap metadata{{"chexworld.embeddings", "1"},
                   {"chexworld.model_id", all.model.model_id},
                   {"chexworld.precision", std::string(name_of(all.model.engine.precision))},
                   {"chexworld.labels", Json(all.model.labels).dump()},
                   {"chexworld.ids", ids.dump(-1, ' ', false, Json::error_handler_t::replace)}};
  if (findings.count > 0) metadata["chexworld.abstained"] = abstained.dump();
  write_safetensors(output, tensors, metadata);
  return embeddings.count;
}

// ---- what is said ----

struct Remark {
  std::string file, reason, message;
};

struct Remarks {
  std::vector<Remark> skipped, failed, abstained;
};

Remarks remarks_on(const Embedded& all) {
  Remarks remarks;
  for (std::size_t i = 0; i < all.files.size(); ++i) {
    const Result<RadiographResult>& result = all.outcomes[i]->result;
    const std::string file = all.files[i].path.string();
    if (!result.ok())
      remarks.failed.push_back({file, std::string(decode_reason(result.error())), result.error().message()});
    else if (!result->gate.accepted())
      remarks.skipped.push_back({file, std::string(name_of(result->gate.reason)), result->gate.detail});
    else if (result->abstained)
      remarks.abstained.push_back({file, result->abstained->reason, result->abstained->detail});
  }
  return remarks;
}

Json to_json(const std::vector<Remark>& remarks) {
  Json list = Json::array();
  for (const Remark& remark : remarks)
    list.push_back({{"file", remark.file}, {"reason", remark.reason}, {"message", remark.message}});
  return list;
}

void print_json(const Options& options, const Embedded& all, const Remarks& remarks, std::int64_t embedded) {
  const Json summary{{"output", embedded > 0 ? Json(options.output.string()) : Json()},
                     {"model_id", all.model.model_id},
                     {"precision", name_of(all.model.engine.precision)},
                     {"files", all.files.size()},
                     {"embedded", embedded},
                     {"skipped", to_json(remarks.skipped)},
                     {"failed", to_json(remarks.failed)},
                     {"abstained", to_json(remarks.abstained)},
                     {"seconds", all.seconds}};
  std::printf("%s\n", summary.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
}

void print(const char* what, const std::vector<Remark>& remarks) {
  for (const Remark& remark : remarks)
    std::fprintf(stderr, "chexworld: %s %s: %s%s%s\n", what, remark.file.c_str(), remark.reason.c_str(),
                 remark.message.empty() ? "" : ": ", remark.message.c_str());
}

void print_for_people(const Options& options, const Embedded& all, const Remarks& remarks, std::int64_t embedded) {
  print("skipped", remarks.skipped);
  print("failed", remarks.failed);
  print("abstained", remarks.abstained);
  const std::string without_answer =
      remarks.abstained.empty() ? "" : ", " + std::to_string(remarks.abstained.size()) + " without an answer";
  std::printf("%lld of %zu files embedded in %.1f s (%s), %zu skipped, %zu failed%s%s%s\n",
              static_cast<long long>(embedded), all.files.size(), all.seconds,
              std::string(name_of(all.model.engine.precision)).c_str(), remarks.skipped.size(), remarks.failed.size(),
              without_answer.c_str(), embedded > 0 ? "; written to " : "", embedded > 0 ? options.output.c_str() : "");
}

void run(const Options& options) {
  const Embedded all = embed_files(options);
  const std::int64_t embedded = write_embeddings(all, options.output);
  const Remarks remarks = remarks_on(all);
  (options.as_json ? print_json : print_for_people)(options, all, remarks, embedded);
  if (embedded == 0) fail(ErrorCode::kNotFound, "nothing could be embedded, so nothing was written");
  if (!remarks.failed.empty())
    fail(ErrorCode::kMalformed, std::to_string(remarks.failed.size()) + " of " + std::to_string(all.files.size()) +
                                    " files could not be read; the others were embedded");
}

}  // namespace

void add_embed(CLI::App& application) {
  CLI::App* command = application.add_subcommand("embed", "Embeddings of radiographs, in one safetensors file");
  const auto options = std::make_shared<Options>();
  command->add_option("PATHS", options->paths, "DICOM, PNG or JPEG files, or folders of them")->required();
  command->add_option("-o,--output", options->output, "safetensors file to write")->required();
  command->add_option("-m,--model", options->model, "Model bundle")->required();
  command->add_option("--precision", options->precision, "auto, f32, bf16 or int8 (auto: the fastest that is accurate)")
      ->check(CLI::IsMember({"auto", "f32", "bf16", "int8"}));
  command->add_option("--batch", options->batch, "Radiographs computed together (8)")->check(CLI::Range(1, 1024));
  command->add_option("--threads", options->threads, "Processors for inference (default: all that may be used)")
      ->check(CLI::Range(0, 1024));
  command->add_flag("--in-process", options->in_process,
                    "Decode in this process: slightly faster, for files that are trusted");
  command->add_flag("--json", options->as_json, "Print a summary for machines");
  command->callback([options] { run(*options); });
}

}  // namespace chexworld::cli
