// SPDX-License-Identifier: Apache-2.0
//
// `chexworld doctor`: what it runs on, and what would make it slow.
#include "base/config.h"
#include "cli/commands.h"
#include "cli/system_facts.h"
#ifdef CHEXWORLD_HAVE_DICOM
#include "dicom/codec_versions.h"
#endif

#include <chexworld/version.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace chexworld::cli {
namespace {

constexpr double kGibibyte = 1024.0 * 1024 * 1024;
constexpr std::uint64_t kLeastMemoryBytes = 4ull << 30;  // ViT-B/16 with an archive open beside Orthanc

struct Report {
  Json facts;
  std::vector<std::string> warnings;
};

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text.empty() ? "none" : text;
}

void examine_processor(Report& report) {
  const ProcessorFacts facts = processor_facts();
  report.facts["processor"] = {
      {"model", facts.model}, {"usable_cores", facts.usable_cores}, {"features", facts.features}};
}

void examine_memory(Report& report) {
  const MemoryFacts facts = memory_facts();
  report.facts["memory"] = {{"total_bytes", facts.total_bytes}, {"available_bytes", facts.available_bytes}};
  if (facts.available_bytes < kLeastMemoryBytes)
    report.warnings.push_back("less than 4 GiB of memory are free: use a smaller model or give the machine more");
}

void examine_blas(Report& report) {
  const BlasFacts facts = blas_facts();
  report.facts["blas"] = {
      {"library", facts.library}, {"config", facts.config}, {"threading", facts.threading}, {"threads", facts.threads}};
  if (const std::string warning = slow_blas_warning(facts); !warning.empty()) report.warnings.push_back(warning);
}

void examine_torch([[maybe_unused]] Report& report) {
#ifdef CHEXWORLD_HAVE_TORCH
  const TorchFacts facts = torch_facts();
  report.facts["libtorch"] = {
      {"version", facts.version}, {"threads", facts.threads}, {"cuda_devices", facts.cuda_devices}};
#endif
}

void examine_codecs([[maybe_unused]] Report& report) {
#ifdef CHEXWORLD_HAVE_DICOM
  for (const CodecVersion& codec : codec_versions()) report.facts["codecs"][codec.library] = codec.version;
#endif
}

Report examine() {
  Report report;
  report.facts["version"] = version();
  examine_processor(report);
  examine_memory(report);
  examine_torch(report);
  examine_blas(report);
  examine_codecs(report);
  return report;
}

void print_for_people(const Report& report) {
  const Json& facts = report.facts;
  const auto text = [](const Json& value) { return value.get<std::string>(); };
  std::printf("chexworld    %s\n", text(facts["version"]).c_str());
  const Json& processor = facts["processor"];
  std::printf("processor    %s, %d usable cores\n", text(processor["model"]).c_str(),
              processor["usable_cores"].get<int>());
  std::printf("             %s\n", joined(processor["features"].get<std::vector<std::string>>()).c_str());
  const Json& memory = facts["memory"];
  std::printf("memory       %.1f GiB, %.1f GiB free\n", memory["total_bytes"].get<double>() / kGibibyte,
              memory["available_bytes"].get<double>() / kGibibyte);
  if (facts.contains("libtorch")) {
    const Json& torch = facts["libtorch"];
    std::printf("LibTorch     %s, %d threads\n", text(torch["version"]).c_str(), torch["threads"].get<int>());
    std::printf("CUDA         %d devices\n", torch["cuda_devices"].get<int>());
  } else {
    std::printf("LibTorch     not in this build\n");
  }
  const Json& blas = facts["blas"];
  if (text(blas["library"]).empty()) {
    std::printf("BLAS         none loaded\n");
  } else {
    std::printf("BLAS         %s, threading %s, %d threads\n", text(blas["library"]).c_str(),
                text(blas["threading"]).c_str(), blas["threads"].get<int>());
  }
  std::string codecs;
  if (facts.contains("codecs")) {
    for (const auto& codec : facts["codecs"].items())
      codecs += (codecs.empty() ? "" : ", ") + codec.key() + " " + text(codec.value());
  }
  std::printf("codecs       %s\n", codecs.empty() ? "not in this build" : codecs.c_str());
  for (const std::string& warning : report.warnings) std::printf("\nWARNING      %s\n", warning.c_str());
  if (report.warnings.empty()) std::printf("\nNothing to complain about.\n");
}

void print_as_json(const Report& report) {
  Json json = report.facts;
  json["warnings"] = report.warnings;
  std::printf("%s\n", json.dump(2).c_str());
}

}  // namespace

void add_doctor(CLI::App& application) {
  CLI::App* command = application.add_subcommand("doctor", "What this machine offers, and what would make it slow");
  const auto as_json = std::make_shared<bool>(false);
  command->add_flag("--json", *as_json, "Print JSON");
  command->callback([as_json] {
    const Report report = examine();
    *as_json ? print_as_json(report) : print_for_people(report);
  });
}

}  // namespace chexworld::cli
