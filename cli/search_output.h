// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/config.h"
#include "retrieval/search_request.h"

#include <filesystem>
#include <string>
#include <vector>

namespace chexworld::cli {

struct SearchOutput {
  SearchReply reply;
  std::vector<std::string> labels;  ///< of findings
  double seconds = 0;
};

Json to_json(const SearchOutput& output);
void print_table(const SearchOutput& output);

/// A page that needs nothing but itself: one picture per hit, with what is known of it. Pictures come from the files
/// and folders given: a DICOM object by its SOP Instance UID, a picture by its name (UID.png). Returns how many hits
/// have one; the others say that there is none.
std::size_t write_contact_sheet(const std::filesystem::path& path, const SearchOutput& output,
                                const std::vector<std::filesystem::path>& images);

/// The three most probable findings, "pneumonia 0.91, effusion 0.40".
std::string finding_summary(const ResultHit& hit, const std::vector<std::string>& labels);
/// "pneumonia=yes (report), effusion (reader 2)"
std::string label_summary(const ResultHit& hit);
std::string date_text(const InstanceRecord& instance);
std::string age_text(const InstanceRecord& instance);

}  // namespace chexworld::cli
