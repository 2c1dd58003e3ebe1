// SPDX-License-Identifier: Apache-2.0
//
// `chexworld inspect`: what an object is, what the gate says and how it would be decoded; nothing about the patient.
#include "base/error_json.h"
#include "base/failure.h"
#include "cli/commands.h"
#include "dicom/radiograph.h"

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace chexworld::cli {
namespace {

std::vector<std::string> names_of(const std::vector<QualityNote>& notes) {
  std::vector<std::string> names;
  for (const QualityNote note : notes) names.emplace_back(name_of(note));
  return names;
}

Json facts_of(const Radiograph& radiograph) {
  const GateVerdict& gate = radiograph.gate;
  const RadiographAttributes& attributes = radiograph.attributes;
  return {{"gate", {{"accepted", gate.accepted()}, {"reason", name_of(gate.reason)}, {"detail", gate.detail}}},
          {"view",
           {{"view", name_of(gate.view)}, {"projection", name_of(gate.projection)}, {"from", name_of(gate.view_from)}}},
          {"quality", names_of(radiograph.quality)},
          {"doubts", radiograph.doubts},
          {"sop_class_uid", attributes.sop_class_uid},
          {"modality", attributes.modality},
          {"photometric_interpretation", attributes.photometric_interpretation},
          {"rows", attributes.rows},
          {"columns", attributes.columns},
          {"bits_stored", attributes.bits_stored},
          {"transfer_syntax", attributes.transfer_syntax},
          {"decoder", attributes.decoder},
          {"contrast", attributes.contrast}};
}

/// What there is to say about one file; a file that cannot be read gives its error.
Json examine(const std::filesystem::path& path) {
  RenderOptions options;
  options.fast = true;
  const Result<Radiograph> loaded = load_radiograph(path, options);
  Json facts = loaded.ok() ? facts_of(*loaded) : error_json(loaded.error());
  facts["file"] = path.string();
  return facts;
}

std::string text(const Json& value) { return value.get<std::string>(); }

std::string or_dash(const Json& value) {
  const std::string found = text(value);
  return found.empty() ? "-" : found;
}

void print_line(const char* label, const std::string& value) { std::printf("  %-16s %s\n", label, value.c_str()); }

void print_view(const Json& view) {
  std::string line = text(view["view"]);
  if (text(view["projection"]) != "unknown") line += " " + text(view["projection"]);
  if (text(view["from"]) != "none") line += " (from " + text(view["from"]) + ")";
  print_line("view", line);
}

void print_for_people(const Json& facts) {
  std::printf("%s\n", text(facts["file"]).c_str());
  if (facts.contains("error")) return print_line("error", text(facts["error"]["message"]));
  const Json& gate = facts["gate"];
  const std::string detail = text(gate["detail"]);
  print_line("gate", text(gate["reason"]) + (detail.empty() ? "" : ": " + detail));
  if (gate["accepted"].get<bool>()) print_view(facts["view"]);
  print_line("modality", or_dash(facts["modality"]));
  print_line("SOP class", or_dash(facts["sop_class_uid"]));
  print_line("transfer syntax", or_dash(facts["transfer_syntax"]));
  print_line("geometry", std::to_string(facts["columns"].get<int>()) + " x " +
                             std::to_string(facts["rows"].get<int>()) + ", " +
                             std::to_string(facts["bits_stored"].get<int>()) + " bits, " +
                             or_dash(facts["photometric_interpretation"]));
  print_line("decoded by", or_dash(facts["decoder"]));
  print_line("contrast", or_dash(facts["contrast"]));
  for (const Json& note : facts["quality"]) print_line("quality", text(note));
  for (const Json& doubt : facts["doubts"]) print_line("doubt", text(doubt));
}

void run(const std::vector<std::filesystem::path>& files, bool as_json) {
  Json all = Json::array();
  int unreadable = 0;
  for (const std::filesystem::path& file : files) {
    Json facts = examine(file);
    unreadable += facts.contains("error") ? 1 : 0;
    if (as_json)
      all.push_back(std::move(facts));
    else
      print_for_people(facts);
  }
  if (as_json) std::printf("%s\n", all.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
  if (unreadable > 0)
    fail(ErrorCode::kMalformed,
         std::to_string(unreadable) + " of " + std::to_string(files.size()) + " files could not be read");
}

}  // namespace

void add_inspect(CLI::App& application) {
  CLI::App* command =
      application.add_subcommand("inspect", "Say what DICOM objects are, what the gate says, and how they are decoded");
  const auto files = std::make_shared<std::vector<std::filesystem::path>>();
  const auto as_json = std::make_shared<bool>(false);
  command->add_option("FILE", *files, "DICOM files")->required();
  command->add_flag("--json", *as_json, "Print a JSON list, one object per file");
  command->callback([files, as_json] { run(*files, *as_json); });
}

}  // namespace chexworld::cli
