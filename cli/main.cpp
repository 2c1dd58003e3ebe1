// SPDX-License-Identifier: Apache-2.0
#include "base/failure.h"
#include "cli/commands.h"

#include <chexworld/version.h>

#include <cstdio>
#include <string>

namespace chexworld::cli {
namespace {

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

void add_commands(CLI::App& application) {
  add_doctor(application);
  add_model(application);
  add_orthanc_config(application);
#ifdef CHEXWORLD_HAVE_DICOM
  add_inspect(application);
  add_render(application);
  add_phantom(application);
  add_wrap(application);
#endif
#ifdef CHEXWORLD_HAVE_ENGINE
  add_bench(application);
#endif
#ifdef CHEXWORLD_HAVE_PIPELINE
  add_embed(application);
  add_explain(application);
#endif
#ifdef CHEXWORLD_HAVE_SERVICE
  add_store(application);
  add_search(application);
#endif
#ifdef CHEXWORLD_HAVE_WORKER
  add_serve(application);
#endif
#ifdef CHEXWORLD_HAVE_TRAINER
  add_archive(application);
  add_pretrain(application);
  add_sensitivity(application);
  add_finetune(application);
#ifdef CHEXWORLD_HAVE_PIPELINE
  add_segment(application);
#endif
  add_probe(application);
  add_evaluate(application);
#endif
}

/// CLI11 throws for --help and --version too; those succeed.
int report_usage(const CLI::App& application, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return application.exit(error);
  std::fprintf(stderr, "chexworld: %s (chexworld --help lists what there is)\n", error.what());
  return kWrongUsage;
}

int run(int argc, char** argv) {
  CLI::App application("chexworld: a world model for chest radiographs, at work in a PACS", "chexworld");
  application.set_version_flag("--version", "chexworld " + std::string(version()));
  application.require_subcommand(1);
  add_commands(application);
  try {
    application.parse(argc, argv);
    return kDone;
  } catch (const CLI::ParseError& error) {
    return report_usage(application, error);
  } catch (...) {
    const Error error = current_error();
    std::fprintf(stderr, "chexworld: %s\n", error.message().c_str());
    return error.code() == ErrorCode::kInvalidArgument ? kWrongUsage : kFailed;
  }
}

}  // namespace
}  // namespace chexworld::cli

int main(int argc, char** argv) { return chexworld::cli::run(argc, argv); }
