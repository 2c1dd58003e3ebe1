// SPDX-License-Identifier: Apache-2.0
//
// What `chexworld finetune` is told, whatever it learns.
#pragma once

#include "base/config.h"
#include "cli/label_options.h"
#include "cli/progress.h"
#include "cli/setting_flags.h"
#include "trainer/finetune/finetune_plan.h"
#include "trainer/finetune/fit.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace chexworld::cli {

struct FinetuneArguments {
  std::filesystem::path archive, model, output, file;
  std::string task = "findings";  ///< or segmentation
  bool from_scratch = false;
  LabelOptions labels;
  std::filesystem::path masks;  ///< folder or table
  std::string film_folder;
  std::string fold_column, split_column;
  std::vector<std::string> folds;
  std::vector<std::string> subgroups{"sex", "age", "view", "device"};
  bool as_json = false;
  std::vector<SettingInfo> known;  ///< settings of all tasks
  SettingWords flags;
};

/// The file's settings, then those typed. Throws Failure(kInvalidArgument) naming what the task does not know.
template <class Settings>
Settings settings_of(const FinetuneArguments& arguments) {
  Settings settings;
  if (!arguments.file.empty()) apply_settings(settings, read_config_file(arguments.file), arguments.file.string());
  apply_settings(settings, typed_settings(arguments.known, arguments.flags), "command line");
  check(settings);
  return settings;
}

/// What is trained, and the model on all films that comes last.
struct FinetunePlan {
  std::vector<PlannedModel> models;
  std::optional<PlannedModel> last;

  std::size_t count() const { return models.size() + (last ? 1 : 0); }
};

FinetunePlan plan_of(const FinetuneArguments& arguments, const FitConfig& config, const FilmTable& table,
                     const LabelledFilms& labels);

/// Progress over all epochs of all models, on standard error.
class FinetuneProgress {
 public:
  FinetuneProgress(std::size_t models, std::int64_t epochs) : total_(std::int64_t(models) * epochs), epochs_(epochs) {}

  void show(std::int64_t epoch, const std::string& text) { line_.show(done_ * epochs_ + epoch, total_, text); }
  void model_done() {
    ++done_;
    line_.finish();
  }
  void finish() { line_.finish(); }

 private:
  ProgressLine line_{"epochs"};
  std::int64_t done_ = 0;
  const std::int64_t total_, epochs_;
};

/// "fold-0: epoch 3 of 20, loss 0.4, validation AUROC 0.8, lr 1.0e-03, 40 films/s"
std::string epoch_text(const PlannedModel& planned, const EpochRecord& record, const char* number);
/// Fails with what to do next.
[[noreturn]] void fail_interrupted(const FinetuneArguments& arguments);

/// `--task segmentation`; builds with DICOM, which brings the picture files.
void finetune_segmentation(const FinetuneArguments& arguments);

}  // namespace chexworld::cli
