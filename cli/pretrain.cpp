// SPDX-License-Identifier: Apache-2.0
//
// `chexworld pretrain`: from an archive to a model bundle.
#include "base/failure.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/conditions.h"
#include "cli/model_server.h"
#include "cli/progress.h"
#include "cli/setting_flags.h"
#include "trainer/run/export.h"
#include "trainer/run/run_folder.h"

#include <chrono>
#include <cstdio>
#include <memory>

namespace chexworld::cli {
namespace {

namespace fs = std::filesystem;

struct PretrainArguments {
  fs::path archive, output, file, probe_archive, resume;
  std::string preset;
  std::vector<std::string> keep;
  SettingWords flags;
  std::string push;  ///< URL of a worker
  fs::path push_credentials;
  std::int64_t push_every = 0;  ///< updates; 0: only at the end
  double max_minutes = 0;       ///< 0: to the end
};

/// Defaults, then the preset or what a checkpoint says, then the file, then flags.
PretrainConfig config_of(const PretrainArguments& arguments, const std::optional<fs::path>& checkpoint) {
  PretrainConfig config;
  if (checkpoint) config = read_checkpoint_header(*checkpoint).config;
  if (!arguments.preset.empty())
    apply_settings(config, preset_settings(arguments.preset), "preset " + arguments.preset);
  if (!arguments.file.empty()) apply_settings(config, read_config_file(arguments.file), arguments.file.string());
  apply_settings(config, typed_settings(pretrain_settings(), arguments.flags), "command line");
  return config;
}

std::optional<ProbeStudies> studies_of(const std::optional<Archive>& archive, const PretrainConfig& config) {
  if (!archive) return {};
  return ProbeStudies{&*archive, probe_task(*archive, config.probe_label_column, config.probe_positive,
                                            config.probe_negative, config.probe_fold_column)};
}

std::string record_text(const UpdateRecord& record) {
  char text[160];
  std::snprintf(text, sizeof text, "loss %.4f, |g| %.3f, lr %.2e, %.1f films/s, %.1f %% waiting", record.loss,
                record.gradient_norm, record.learning_rate, record.films_per_second, 100 * record.wait_share);
  return text;
}

void report_stop(const PretrainArguments& arguments, const Pretraining& run) {
  std::fprintf(stderr, "stopped after update %lld of %lld; to go on:\n  chexworld pretrain %s --resume %s",
               static_cast<long long>(run.progress().updates), static_cast<long long>(run.updates_in_run()),
               arguments.archive.c_str(), arguments.output.c_str());
  if (!arguments.probe_archive.empty()) std::fprintf(stderr, " --probe-archive %s", arguments.probe_archive.c_str());
  for (const std::string& condition : arguments.keep) std::fprintf(stderr, " --where %s", condition.c_str());
  if (!arguments.push.empty()) std::fprintf(stderr, " --push %s", arguments.push.c_str());
  if (arguments.push_every > 0)
    std::fprintf(stderr, " --push-every %lld", static_cast<long long>(arguments.push_every));
  std::fputc('\n', stderr);
}

std::optional<fs::path> checkpoint_to_resume(PretrainArguments& arguments) {
  if (arguments.resume.empty()) return {};
  const fs::path checkpoint = find_checkpoint(arguments.resume);
  if (arguments.output.empty())
    arguments.output = fs::is_directory(arguments.resume) ? arguments.resume : checkpoint.parent_path().parent_path();
  return checkpoint;
}

void require_fresh(const PretrainArguments& arguments) {
  if (arguments.output.empty()) fail(ErrorCode::kInvalidArgument, "pretrain needs --output or --resume");
  if (CheckpointFolder(CheckpointFolder::of_run(arguments.output), 1).newest())
    fail(ErrorCode::kInvalidArgument, arguments.output.string() + " holds a run already: --resume " +
                                          arguments.output.string() + " goes on with it");
}

/// Uploads bundles to a worker, which checks them and takes them into use.
class Push {
 public:
  /// Asks the worker at once whether it is there, on the process that will push.
  Push(const PretrainArguments& arguments, bool is_first) : arguments_(arguments) {
    if (is_first && !arguments.push.empty()) server_.emplace(arguments.push, arguments.push_credentials);
  }

  /// What goes wrong on the way is a warning: the run is worth more.
  void at_checkpoint(const Pretraining& run, const TrimOptions& trim, std::int64_t update) {
    const bool is_last = update == run.updates_in_run();  // at_end() pushes that one
    if (!server_ || is_last || arguments_.push_every == 0 || update - pushed_ < arguments_.push_every) return;
    try {
      const fs::path bundle = arguments_.output / "encoder-pushed.safetensors";
      send(bundle, export_target_encoder(run.model(), bundle, trim, {{"updates", update}}));
      pushed_ = update;
    } catch (...) {
      log_warning("update " + std::to_string(update) + " was not pushed: " + current_error().message());
    }
  }

  void at_end(const fs::path& bundle, const std::string& id) {
    if (server_) within("the bundle is there, but was not pushed", [&] { send(bundle, id); });
  }

 private:
  void send(const fs::path& bundle, const std::string& id) {
    const Json answer = server_->push(bundle, id, "", true, true);
    std::fprintf(stderr, "pushed %s: %s\n", id.c_str(), handover_text(answer).c_str());
  }

  const PretrainArguments& arguments_;
  std::optional<ModelServer> server_;
  std::int64_t pushed_ = 0;
};

/// Whether `minutes` have gone by since it was made; never for 0.
class TimeBudget {
 public:
  explicit TimeBudget(double minutes) : minutes_(minutes) {}
  bool is_over() const {
    const std::chrono::duration<double, std::ratio<60>> gone = std::chrono::steady_clock::now() - start_;
    return minutes_ > 0 && gone.count() >= minutes_;
  }

 private:
  const double minutes_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Says that a run ended early on purpose; its bundle is made all the same.
void report_end_of_time(const PretrainArguments& arguments, const Pretraining& run) {
  std::fprintf(stderr, "%g minutes are over after update %lld of %lld\n", arguments.max_minutes,
               static_cast<long long>(run.progress().updates), static_cast<long long>(run.updates_in_run()));
}

void pretrain(PretrainArguments& arguments) {
  const std::optional<fs::path> checkpoint = checkpoint_to_resume(arguments);
  if (!checkpoint) require_fresh(arguments);
  const PretrainConfig config = config_of(arguments, checkpoint);
  const Archive archive = Archive::open(arguments.archive);
  const std::vector<std::int64_t> films = films_of(archive, arguments.keep);
  std::optional<Archive> probe_archive;
  if (!arguments.probe_archive.empty()) probe_archive.emplace(Archive::open(arguments.probe_archive));
  const std::unique_ptr<ProcessGroup> group = join_process_group(device_of_process(config.device));
  Pretraining run(config, archive, films, group.get());
  if (checkpoint) run.resume_from(*checkpoint);
  catch_interrupts();

  const bool is_first = group == nullptr || group->rank() == 0;
  std::optional<RunFolder> folder;
  Push push(arguments, is_first);
  RunListener nobody;
  ProgressLine line("updates");
  if (is_first) {
    folder.emplace(arguments.output, run, archive, films, studies_of(probe_archive, config));
    folder->when_recorded(
        [&](const UpdateRecord& record) { line.show(record.update, record.updates, record_text(record)); });
  }
  if (folder)
    folder->when_saved(
        [&](const fs::path&, std::int64_t update) { push.at_checkpoint(run, archive.settings().trim, update); });
  RunListener& listener = folder ? static_cast<RunListener&>(*folder) : nobody;
  const TimeBudget budget(arguments.max_minutes);
  const Pretraining::End end =
      run.run(CheckpointFolder::of_run(arguments.output), listener, [&] { return interrupted() || budget.is_over(); });
  line.finish();
  if (!is_first) return;
  const bool stopped = end == Pretraining::End::kStopped;
  if (stopped && interrupted()) return report_stop(arguments, run);
  if (stopped) report_end_of_time(arguments, run);
  const fs::path bundle = arguments.output / "encoder.safetensors";
  const std::string id = folder->finish(bundle);
  std::printf("%s\nmodel id %s\n", bundle.c_str(), id.c_str());
  push.at_end(bundle, id);
}

}  // namespace

void add_pretrain(CLI::App& application) {
  CLI::App* command = application.add_subcommand("pretrain", "Train an encoder on an archive, without labels");
  const auto arguments = std::make_shared<PretrainArguments>();
  command->add_option("ARCHIVE", arguments->archive, "Made by `chexworld archive build`")->required();
  command->add_option("-o,--output", arguments->output, "Folder of the run");
  command->add_option("--preset", arguments->preset, "Settings to start from")->check(CLI::IsMember(preset_names()));
  command->add_option("--config", arguments->file, "TOML or JSON file of settings, keys as below");
  command->add_option("--where", arguments->keep, "COLUMN=VALUE: only these films; may be given several times");
  command->add_option("--resume", arguments->resume, "Go on with this run, or from this checkpoint");
  command->add_option("--probe-archive", arguments->probe_archive, "Labelled films to try the frozen encoder on");
  command->add_option(
      "--push", arguments->push,
      "Upload the bundle to this worker (http://HOST:PORT or unix:PATH), or to the worker of this Orthanc, "
      "which takes it into use");
  command->add_option("--push-every", arguments->push_every,
                      "Also on the way, at checkpoints at least this many updates apart");
  command->add_option(
      "--push-credentials", arguments->push_credentials,
      "File with the worker's token or Orthanc's user:password (else CHEXWORLD_TOKEN, or CHEXWORLD_USER and "
      "CHEXWORLD_PASSWORD)");
  command
      ->add_option("--max-minutes", arguments->max_minutes,
                   "End after so many minutes, with a bundle of what was learnt by then")
      ->check(CLI::PositiveNumber);
  add_setting_flags(*command, pretrain_settings(), arguments->flags);
  command->callback([arguments] { pretrain(*arguments); });
}

}  // namespace chexworld::cli
