// SPDX-License-Identifier: GPL-3.0-or-later
#include "orthanc-plugin/settings.h"

#include "base/failure.h"

#include <sys/un.h>

namespace chexworld::plugin {
namespace {

constexpr const char* kSection = "configuration section \"Chexworld\"";
constexpr double kMostRate = 1e6;                          // per second
constexpr const char* kStorageDefault = "OrthancStorage";  // Orthanc's own

std::filesystem::path storage_of(const Json& configuration) {
  const auto found = configuration.find("StorageDirectory");
  const bool given = found != configuration.end() && found->is_string();
  return std::filesystem::absolute(given ? found->get<std::string>() : kStorageDefault);
}

void read_worker(ConfigReader reader, Settings& settings) {
  settings.worker_url = reader.text("Url", "");
  settings.worker_token = reader.text("Token", "");
  reader.finish();
  const std::string& url = settings.worker_url;
  if (!url.empty() && !url.starts_with("http://") && !url.starts_with("https://"))
    fail(ErrorCode::kInvalidArgument, std::string(kSection) + ": 'Worker.Url' must begin with http:// or https://");
  if (url.empty() && !settings.worker_token.empty())
    fail(ErrorCode::kInvalidArgument, std::string(kSection) + ": 'Worker.Token' needs 'Worker.Url'");
}

void require_short_socket(const Settings& settings) {
  if (settings.own_worker() && settings.socket().string().size() >= sizeof(sockaddr_un::sun_path))
    fail(ErrorCode::kInvalidArgument, std::string(kSection) + ": the path of the worker's socket, " +
                                          settings.socket().string() +
                                          ", is too long for the system; set 'Folder' to a shorter one");
}

}  // namespace

Settings read_settings(const Json& orthanc_configuration) {
  const auto section = orthanc_configuration.find("Chexworld");
  const std::filesystem::path storage = storage_of(orthanc_configuration);
  ConfigReader reader(section == orthanc_configuration.end() ? Json::object() : *section, kSection);
  Settings settings;
  settings.enable = reader.boolean("Enable", settings.enable);
  read_worker(reader.section("Worker"), settings);
  settings.program = reader.text("Program", settings.program);
  settings.folder = (storage / reader.text("Folder", "chexworld")).lexically_normal();
  settings.store = reader.text("Store", "");
  const std::string model = reader.text("Model", "");
  if (!model.empty()) settings.model = (storage / model).lexically_normal();
  settings.precision = reader.choice("Precision", settings.precision, {"auto", "f32", "bf16", "int8"});
  settings.threads = int(reader.integer("Threads", settings.threads, {0, 1024}));
  settings.nice = int(reader.integer("Nice", settings.nice, {0, 19}));
  settings.drain_timeout =
      std::chrono::seconds(reader.integer("DrainTimeout", settings.drain_timeout.count(), {0, 3600}));
  settings.restart_pause =
      std::chrono::seconds(reader.integer("RestartPause", settings.restart_pause.count(), {1, 3600}));
  settings.concurrent_instances = int(reader.integer("ConcurrentInstances", settings.concurrent_instances, {1, 64}));
  settings.poll_interval =
      std::chrono::seconds(reader.integer("PollInterval", settings.poll_interval.count(), {1, 3600}));
  settings.rate = reader.number("Rate", settings.rate, {0, kMostRate});
  settings.backfill_rate = reader.number("BackfillRate", settings.backfill_rate, {0, kMostRate});
  settings.reconcile_interval = std::chrono::minutes(
      reader.integer("ReconcileInterval", settings.reconcile_interval.count(), {0, 60 * 24 * 365}));
  settings.reconcile_rate = reader.number("ReconcileRate", settings.reconcile_rate, {0, kMostRate});
  settings.write_back = read_write_back(reader.section("WriteBack"), kSection);
  settings.webhook = read_webhook(reader.section("Webhook"), kSection, storage);
  reader.finish();
  require_short_socket(settings);
  return settings;
}

}  // namespace chexworld::plugin
