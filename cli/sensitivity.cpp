// SPDX-License-Identifier: Apache-2.0
//
// `chexworld sensitivity`: does the world model understand its action?
#include "trainer/run/sensitivity.h"
#include "base/failure.h"
#include "cli/commands.h"
#include "cli/conditions.h"
#include "cli/progress.h"
#include "trainer/run/checkpoint.h"
#include "trainer/run/pretraining.h"

#include <ATen/Parallel.h>
#include <cstdio>
#include <memory>

namespace chexworld::cli {
namespace {

namespace fs = std::filesystem;

struct SensitivityArguments {
  fs::path archive, checkpoint;
  std::vector<std::string> keep;
  std::int64_t candidates = 64, images = 50, seed = 0;
  int threads = 0;
  bool untrained = false;
  bool as_json = false;
};

/// The first `count` in a random order that depends on the seed alone; all where there are no more.
std::vector<std::int64_t> chosen(const std::vector<std::int64_t>& films, std::int64_t count, std::int64_t seed) {
  StreamRandom random({std::uint64_t(seed), 0, 0, RandomPurpose::kSampleOrder});
  std::vector<std::int64_t> order = random_permutation(random, std::int64_t(films.size())), result;
  order.resize(std::min(order.size(), std::size_t(count)));
  for (const std::int64_t position : order) result.push_back(films[std::size_t(position)]);
  return result;
}

void print(const SensitivityReport& report) {
  std::printf("%lld films, %lld candidates each; mean (standard deviation over films)\n",
              static_cast<long long>(report.films), static_cast<long long>(report.candidates));
  std::printf("%-26s %15s %15s %15s\n", "", "recall@1", "recall@3", "recall@5");
  const auto line = [](const char* name, const RecallSummary& recall) {
    std::printf("%-26s", name);
    for (std::size_t i = 0; i < recall.mean.size(); ++i)
      std::printf(" %6.2f %% (%4.1f)", 100 * recall.mean[i], 100 * recall.deviation[i]);
    std::printf("\n");
  };
  line("told the action", report.with_action);
  line("action all zeros", report.zeroed);
  line("told that nothing was done", report.identity);
  std::printf("%-26s", "chance");
  for (const double chance : report.chance) std::printf(" %6.2f %%       ", 100 * chance);
  std::printf("\nrecall@5 is %.1f times chance\n", report.with_action.mean.back() / report.chance.back());
}

void test(const SensitivityArguments& arguments) {
  if (arguments.threads > 0) at::set_num_threads(arguments.threads);
  const fs::path checkpoint = find_checkpoint(arguments.checkpoint);
  const CheckpointHeader header = read_checkpoint_header(checkpoint);
  WorldModel model(world_model_config(header.config));
  if (arguments.untrained) {
    model.initialise(std::uint64_t(header.config.seed));
    model.copy_encoder_to_target();
  } else {
    load_model(checkpoint, model);
  }
  model.train(false);
  const Archive archive = Archive::open(arguments.archive);
  const std::vector<std::int64_t> films = chosen(films_of(archive, arguments.keep), arguments.images, arguments.seed);
  catch_interrupts();
  ProgressLine line("films");
  const SensitivityReport report = test_sensitivity(model, header.config, archive, films, arguments.candidates,
                                                    std::uint64_t(arguments.seed), [&](std::int64_t done) {
                                                      line.show(done, std::int64_t(films.size()));
                                                      return !interrupted();
                                                    });
  line.finish();
  if (!arguments.as_json) return print(report);
  Json json = to_json(report);
  json["updates"] = arguments.untrained ? 0 : header.progress.updates;
  json["seed"] = arguments.seed;
  std::printf("%s\n", json.dump(2).c_str());
}

}  // namespace

void add_sensitivity(CLI::App& application) {
  CLI::App* command = application.add_subcommand(
      "sensitivity", "Can the world model tell how a film was augmented? The paper's test, recall@1, 3, 5");
  const auto arguments = std::make_shared<SensitivityArguments>();
  command->add_option("ARCHIVE", arguments->archive, "Films, best ones that were not trained on")->required();
  command->add_option("--checkpoint", arguments->checkpoint, "A checkpoint, or the folder of a run: its newest")
      ->required();
  command->add_option("--where", arguments->keep, "COLUMN=VALUE: only these films; may be given several times");
  command->add_option("-n,--candidates", arguments->candidates, "Versions of each film to choose from")
      ->capture_default_str()
      ->check(CLI::Range(2, 4096));
  command->add_option("--images", arguments->images, "Films, drawn at random")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command->add_option("--seed", arguments->seed, "Of films, actions and masks")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  command->add_option("--threads", arguments->threads, "Of the networks; 0: one per core")->check(CLI::Range(0, 4096));
  command->add_flag("--untrained", arguments->untrained, "The same networks before training, to compare with");
  command->add_flag("--json", arguments->as_json, "Print JSON");
  command->callback([arguments] { test(*arguments); });
}

}  // namespace chexworld::cli
