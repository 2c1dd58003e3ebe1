// SPDX-License-Identifier: GPL-3.0-or-later
#include "orthanc-plugin/write_back_settings.h"

#include "base/base64.h"
#include "base/failure.h"
#include "base/file.h"

namespace chexworld::plugin {
namespace {

constexpr std::size_t kLeastKeyBytes = 16;
constexpr std::uint64_t kMostSecretBytes = 4096;
constexpr std::string_view kSecretPrefix = "whsec_";  // of Standard Webhooks; what follows is base64

struct Range {
  int first, last;
};
/// Numbers of metadata that plugins of Orthanc have registered.
constexpr Range kTaken[] = {{4200, 4202}, {4301, 4301}, {9520, 9521}, {9997, 13999}};
constexpr int kMetadataNumbers = 3;

[[noreturn]] void refuse(const std::string& where, const std::string& what) {
  fail(ErrorCode::kInvalidArgument, where + ": " + what);
}

void require_free_numbers(int first, const std::string& where) {
  for (const Range& taken : kTaken)
    if (first <= taken.last && first + kMetadataNumbers - 1 >= taken.first)
      refuse(where, "'WriteBack.MetadataFirst' and the two numbers after it must not meet " +
                        std::to_string(taken.first) + " to " + std::to_string(taken.last) +
                        ", which other plugins have registered");
}

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  return text;
}

std::string secret_from(const std::filesystem::path& path, const std::string& where) {
  const auto read = capture([&] { return read_file(path, kMostSecretBytes); });
  if (!read.ok()) refuse(where, "'Webhook.SecretFile': " + read.error().message());
  return trimmed({reinterpret_cast<const char*>(read->data()), read->size()});
}

std::string key_from(const std::string& secret, const std::string& where) {
  std::string key = secret;
  if (secret.starts_with(kSecretPrefix)) {
    const auto decoded = base64_decoded(std::string_view(secret).substr(kSecretPrefix.size()));
    if (!decoded) refuse(where, "what follows whsec_ in the webhook's secret must be base64");
    key = *decoded;
  }
  if (key.size() < kLeastKeyBytes)
    refuse(where, "the webhook's secret must have at least " + std::to_string(kLeastKeyBytes) + " bytes");
  return key;
}

}  // namespace

WriteBackSettings read_write_back(ConfigReader reader, const std::string& where) {
  WriteBackSettings settings;
  settings.report = reader.boolean("Report", settings.report);
  settings.metadata = reader.boolean("Metadata", settings.metadata);
  settings.metadata_first = int(reader.integer("MetadataFirst", settings.metadata_first, {1024, 65533}));
  const std::string rule = reader.choice("OnModelChange", "add", {"add", "replace", "leave"});
  settings.on_model_change = rule == "add"       ? OnModelChange::kAdd
                             : rule == "replace" ? OnModelChange::kReplace
                                                 : OnModelChange::kLeave;
  settings.study_quiet = std::chrono::seconds(reader.integer("StudyQuiet", settings.study_quiet.count(), {1, 86'400}));
  settings.studies_per_minute = int(reader.integer("StudiesPerMinute", settings.studies_per_minute, {1, 60'000}));
  reader.finish();
  require_free_numbers(settings.metadata_first, where);
  return settings;
}

WebhookSettings read_webhook(ConfigReader reader, const std::string& where, const std::filesystem::path& folder) {
  WebhookSettings settings;
  settings.url = reader.text("Url", "");
  const std::string secret = reader.text("Secret", ""), file = reader.text("SecretFile", "");
  settings.time_limit = std::chrono::seconds(reader.integer("Timeout", settings.time_limit.count(), {1, 300}));
  reader.finish();
  if (settings.url.empty()) {
    if (!secret.empty() || !file.empty()) refuse(where, "the webhook's secret needs 'Webhook.Url'");
    return settings;
  }
  if (!settings.url.starts_with("http://") && !settings.url.starts_with("https://"))
    refuse(where, "'Webhook.Url' must begin with http:// or https://");
  if (secret.empty() == file.empty())
    refuse(where, "'Webhook.Url' needs either 'Webhook.Secret' or 'Webhook.SecretFile'");
  settings.key = key_from(file.empty() ? secret : secret_from(folder / file, where), where);
  return settings;
}

}  // namespace chexworld::plugin
