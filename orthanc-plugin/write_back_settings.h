// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "base/config.h"

#include <chrono>
#include <filesystem>
#include <string>

namespace chexworld::plugin {

/// What happens to a study that has a report of another model.
enum class OnModelChange {
  kAdd,      ///< both stay, each names its model
  kReplace,  ///< the new one is stored, the others are removed
  kLeave,    ///< the study is left alone
};

/// The sections "WriteBack" and "Webhook"; docs/plugin.md describes each key.
struct WriteBackSettings {
  bool report = false;         ///< "Report"
  bool metadata = false;       ///< "Metadata"
  int metadata_first = 14600;  ///< "MetadataFirst": of three numbers in a row
  OnModelChange on_model_change = OnModelChange::kAdd;
  std::chrono::seconds study_quiet{90};  ///< "StudyQuiet", seconds
  int studies_per_minute = 300;          ///< "StudiesPerMinute", of each kind
};

struct WebhookSettings {
  std::string url;                      ///< "Url"; empty: none
  std::string key;                      ///< of the signature, from "Secret" or "SecretFile"; bytes
  std::chrono::seconds time_limit{10};  ///< "Timeout", seconds
};

/// Throws Failure naming the key for anything unknown, out of range or unreadable; `where` names the configuration.
WriteBackSettings read_write_back(ConfigReader reader, const std::string& where);
/// A relative "SecretFile" starts at `folder`.
WebhookSettings read_webhook(ConfigReader reader, const std::string& where, const std::filesystem::path& folder);

}  // namespace chexworld::plugin
