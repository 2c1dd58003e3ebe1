// SPDX-License-Identifier: GPL-3.0-or-later
#include "orthanc-plugin/service.h"

#include "base/failure.h"
#include "orthanc-plugin/remote_client.h"

#include <chexworld/version.h>

#include <algorithm>

namespace chexworld::plugin {
namespace {

constexpr std::chrono::seconds kStatusLimit{5};
constexpr std::size_t kAnswerCacheBytes = 16u << 20;  // some thousand results

std::unique_ptr<WorkerClient> client_for(const OrthancHost& host, const Settings& settings) {
  if (!settings.own_worker()) return make_remote_client(host, settings.worker_url, settings.worker_token);
  return make_socket_client(settings.socket().string());
}

SupervisorOptions supervision(const Settings& settings) {
  SupervisorOptions options;
  options.command = {settings.program,
                     "serve",
                     "--listen",
                     "unix:" + settings.socket().string(),
                     "--data",
                     settings.folder.string(),
                     "--precision",
                     settings.precision,
                     "--threads",
                     std::to_string(settings.threads),
                     "--drain-timeout-s",
                     std::to_string(settings.drain_timeout.count())};
  if (!settings.store.empty()) options.command.insert(options.command.end(), {"--store", settings.store});
  if (!settings.model.empty()) options.command.insert(options.command.end(), {"--model", settings.model.string()});
  options.lock_file = settings.folder / "worker.lock";
  if (settings.store.empty()) options.needed_file = settings.folder / "store.sqlite";
  options.drain_timeout = settings.drain_timeout;
  options.longest_pause = settings.restart_pause;
  options.nice = settings.nice;
  return options;
}

Json json_of(const FollowerState& state) {
  Json json{{"cursor", state.cursor},
            {"last_change", state.last},
            {"backfilling", state.backfilling},
            {"backfill_queued", state.backfill}};
  if (!state.trouble.empty()) json["trouble"] = state.trouble;
  return json;
}

Json json_of(const FeederState& state) {
  Json json{{"embedded", state.embedded}, {"skipped", state.skipped},   {"refused", state.refused},
            {"gone", state.gone},         {"repeated", state.repeated}, {"in_hand", state.in_hand}};
  if (!state.trouble.empty()) json["trouble"] = state.trouble;
  return json;
}

Json json_of(const ReconcilerState& state) {
  return {{"rounds", state.rounds}, {"checked", state.checked}, {"gone", state.gone}};
}

/// How far the active model has got with the archive, from the worker's status; nothing where it does not say.
Json progress_in(const Json& worker) {
  const Json coverage = worker.value("coverage", Json());
  if (!coverage.is_object()) return nullptr;
  const auto known = coverage.value("instances", std::uint64_t(0));
  const auto done = coverage.value("with_result", std::uint64_t(0)) + coverage.value("given_up", std::uint64_t(0));
  return {{"instances", known},
          {"done", done},
          {"remaining", known > done ? known - done : 0},
          {"share", known == 0 ? 1.0 : double(std::min(done, known)) / double(known)}};
}

Json json_of(const SupervisorState& state) {
  return {{"process", state.process}, {"restarts", state.restarts}, {"last_end", state.last_end}};
}

void set_metric(const OrthancHost& host, const char* name, std::uint64_t value) {
  OrthancPluginSetMetricsIntegerValue(host.context(), name, std::int64_t(value), OrthancPluginMetricsType_Default);
}

void publish(const OrthancHost& host, const FollowerState& state) {
  const std::uint64_t behind = state.last > state.cursor ? state.last - state.cursor : 0;
  set_metric(host, "orthanc_chexworld_changes_behind_count", behind);
  set_metric(host, "orthanc_chexworld_following", state.trouble.empty() ? 1 : 0);
}

void publish(const OrthancHost& host, const FeederState& state) {
  set_metric(host, "orthanc_chexworld_in_hand_count", state.in_hand);
  set_metric(host, "orthanc_chexworld_embedded_count", state.embedded);
  set_metric(host, "orthanc_chexworld_skipped_count", state.skipped);
  set_metric(host, "orthanc_chexworld_refused_count", state.refused);
  set_metric(host, "orthanc_chexworld_gone_count", state.gone);
  set_metric(host, "orthanc_chexworld_repeated_count", state.repeated);
}

void publish(const OrthancHost& host, const SupervisorState& state) {
  set_metric(host, "orthanc_chexworld_worker_running", state.process != 0 ? 1 : 0);
  set_metric(host, "orthanc_chexworld_worker_restarts_count", state.restarts);
}

}  // namespace

Service::Service(const OrthancHost& host, const Settings& settings)
    : host_(host),
      settings_(settings),
      archive_(host),
      studies_(host),
      sender_(host),
      client_(client_for(host, settings)),
      answers_(kAnswerCacheBytes) {}

void Service::start() {
  const std::scoped_lock lock(mutex_);
  if (follower_) return;
  if (settings_.own_worker()) supervisor_ = std::make_shared<Supervisor>(supervision(settings_));
  follower_ = std::make_shared<Follower>(archive_, *client_, settings_.poll_interval, [this] { work_queued(); });
  const auto gone = [follower = follower_](const std::string& id) { follower->removed(id); };
  feeder_ = std::make_shared<Feeder>(
      archive_, *client_, FeederOptions{settings_.concurrent_instances, settings_.rate, settings_.backfill_rate}, gone);
  reconciler_ = std::make_shared<Reconciler>(
      archive_, *client_, ReconcilerOptions{settings_.reconcile_interval, settings_.reconcile_rate}, gone);
  write_backs_ = std::make_shared<WriteBacks>(*client_, studies_, sender_, settings_.write_back, settings_.webhook);
  follower_->start();
  write_backs_->start();
}

void Service::stop() {
  client_->abort();
  std::shared_ptr<Follower> follower;
  std::shared_ptr<Feeder> feeder;
  std::shared_ptr<Supervisor> supervisor;
  std::shared_ptr<Reconciler> reconciler;
  std::shared_ptr<WriteBacks> write_backs;
  {
    const std::scoped_lock lock(mutex_);
    follower = std::move(follower_);
    feeder = std::move(feeder_);
    supervisor = std::move(supervisor_);
    reconciler = std::move(reconciler_);
    write_backs = std::move(write_backs_);
  }
  if (write_backs) write_backs->stop();
  if (reconciler) reconciler->stop();
  if (follower) follower->stop();
  if (feeder) feeder->stop();
  if (supervisor) supervisor->stop();
}

std::shared_ptr<Follower> Service::follower() const {
  const std::scoped_lock lock(mutex_);
  return follower_;
}

std::shared_ptr<Follower> Service::running_follower() const {
  auto follower = this->follower();
  if (!follower) fail(ErrorCode::kUnavailable, "the plugin is starting or stopping");
  return follower;
}

std::shared_ptr<WriteBacks> Service::write_backs() const {
  const std::scoped_lock lock(mutex_);
  return write_backs_;
}

std::shared_ptr<WriteBacks> Service::running_write_backs() const {
  auto write_backs = this->write_backs();
  if (!write_backs) fail(ErrorCode::kUnavailable, "the plugin is starting or stopping");
  return write_backs;
}

void Service::study_is_stable(const std::string& study_id) {
  if (const auto write_backs = this->write_backs()) write_backs->study_is_stable(study_id);
}

void Service::work_queued() {
  const std::scoped_lock lock(mutex_);
  if (feeder_) feeder_->wake();
}

void Service::instance_arrived() {
  if (const auto follower = this->follower()) follower->wake();
}

void Service::instance_removed(const std::string& instance_id) {
  answers_.clear();
  if (const auto follower = this->follower()) follower->removed(instance_id);
}

void Service::publish_metrics() const {
  const std::scoped_lock lock(mutex_);
  if (follower_) publish(host_, follower_->state());
  if (feeder_) publish(host_, feeder_->state());
  if (supervisor_) publish(host_, supervisor_->state());
  if (write_backs_)
    write_backs_->publish([this](const char* name, std::uint64_t value) { set_metric(host_, name, value); });
}

Json Service::status() {
  Json json{{"version", version()}, {"orthanc", host_.version()}, {"enabled", true}};
  {
    const std::scoped_lock lock(mutex_);
    if (follower_) json["follower"] = json_of(follower_->state());
    if (feeder_) json["feeder"] = json_of(feeder_->state());
    if (supervisor_) json["worker_process"] = json_of(supervisor_->state());
    if (reconciler_) json["reconciler"] = json_of(reconciler_->state());
    if (write_backs_) json["write_back"] = write_backs_->state();
  }
  const Result<Json> worker = capture([&] {
    const WorkerAnswer answer = client_->call({.target = "/v1/status", .time_limit = kStatusLimit}).value();
    return parse_json(answer.body, "the worker's status");
  });
  if (worker.ok()) {
    json["worker"] = *worker;
    json["embedding_progress"] = progress_in(*worker);
  } else {
    json["worker"] = {{"state", "down"}, {"trouble", worker.error().message()}};
  }
  return json;
}

}  // namespace chexworld::plugin
