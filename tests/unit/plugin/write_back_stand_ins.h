// SPDX-License-Identifier: Apache-2.0
//
// A worker that only has results, and a PACS that only has studies.
#pragma once

#include "base/failure.h"
#include "orthanc-plugin/study_archive.h"
#include "orthanc-plugin/worker_client.h"

#include <map>
#include <mutex>
#include <vector>

namespace chexworld::plugin {

/// Results, cursors and reports of a worker. Thread safe.
class MadeResults final : public WorkerClient {
 public:
  explicit MadeResults(std::string model = "model-a") : active_(std::move(model)) {}

  Result<WorkerAnswer> call(const WorkerRequest& request) override {
    const std::scoped_lock lock(mutex_);
    if (down_) return Error(ErrorCode::kUnavailable, "nobody is there");
    const std::string path = request.target.substr(0, request.target.find('?'));
    if (path == "/v1/results") return results(request);
    if (path == "/v1/models") return models();
    if (path.starts_with("/v1/cursors/")) return cursor(request, path.substr(12));
    if (path.ends_with("/report")) return report(request);
    if (path.starts_with("/v1/studies/")) return study(path.substr(12), argument(request, "model-id"));
    return WorkerAnswer{404, "", ""};
  }
  std::unique_ptr<WorkerUpload> upload(const WorkerRequest&) override {
    fail(ErrorCode::kUnavailable, "nothing is uploaded here");
  }
  void abort() override {}

  /// A result of the active model, this old.
  void add(const std::string& sop, const std::string& study, std::int64_t age_ms = 1'000'000,
           double probability = 0.9) {
    const std::scoped_lock lock(mutex_);
    std::vector<Stored>& list = stored_[active_];
    std::erase_if(list, [&](const Stored& s) { return s.sop == sop; });
    list.push_back({++sequence_[active_], sop, study, age_ms, probability});
  }
  void activate(const std::string& model) {
    const std::scoped_lock lock(mutex_);
    active_ = model;
  }
  void set_down(bool down) {
    const std::scoped_lock lock(mutex_);
    down_ = down;
  }
  void lose_reports(bool lose) {
    const std::scoped_lock lock(mutex_);
    lose_reports_ = lose;
  }
  std::uint64_t cursor_at(const std::string& name) const {
    const std::scoped_lock lock(mutex_);
    const auto found = cursors_.find(name);
    return found == cursors_.end() ? 0 : found->second;
  }

 private:
  struct Stored {
    std::uint64_t sequence;
    std::string sop, study;
    std::int64_t age_ms;
    double probability;
  };

  static WorkerAnswer json(const Json& body, int status = 200) { return {status, "application/json", body.dump()}; }

  static std::string argument(const WorkerRequest& request, const std::string& name) {
    const std::size_t at = request.target.find(name + "=");
    if (at == std::string::npos) return "";
    const std::size_t begin = at + name.size() + 1;
    return request.target.substr(begin, request.target.find('&', begin) - begin);
  }

  WorkerAnswer results(const WorkerRequest& request) {
    const std::string asked = argument(request, "model-id"), model = asked.empty() ? active_ : asked;
    const std::string since = argument(request, "since"), limit = argument(request, "limit");
    Json changes = Json::array();
    for (const Stored& s : stored_[model]) {
      if (s.sequence <= (since.empty() ? 0 : std::stoull(since)) || changes.size() == std::stoull(limit)) continue;
      changes.push_back({{"sequence", s.sequence},
                         {"sop_instance_uid", s.sop},
                         {"study_instance_uid", s.study},
                         {"age_ms", s.age_ms}});
    }
    return json({{"model_id", model}, {"last_sequence", sequence_[model]}, {"changes", changes}});
  }

  WorkerAnswer models() {
    Json list = Json::array();
    for (const auto& [model, results] : stored_) list.push_back({{"model_id", model}});
    return json({{"models", list}});
  }

  WorkerAnswer study(const std::string& uid, const std::string& model) {
    Json instances = Json::array();
    for (const Stored& s : stored_[model]) {
      if (s.study != uid) continue;
      const Json finding = {
          {"name", "Effusion"}, {"probability", s.probability}, {"threshold", 0.5}, {"present", s.probability >= 0.5}};
      instances.push_back({{"sequence", s.sequence},
                           {"sop_instance_uid", s.sop},
                           {"sex", "F"},
                           {"age_years", 61},
                           {"acquisition_date", "2020-02-03"},
                           {"view", "PA"},
                           {"quality", Json::array()},
                           {"findings", Json::array({finding})},
                           {"stored_at", "2026-01-02T03:04:05Z"}});
    }
    if (instances.empty()) return json({{"error", {{"message", "no result"}}}}, 404);
    return json({{"study_instance_uid", uid}, {"instances", instances}});
  }

  WorkerAnswer cursor(const WorkerRequest& request, const std::string& name) {
    std::uint64_t& place = cursors_[name];
    if (request.method == "PUT") {
      const Json body = Json::parse(request.body);
      if (body.at("from") != place) return json({{"error", {{"message", "the cursor is elsewhere"}}}}, 409);
      place = body.at("to");
    }
    return json({{"sequence", place}});
  }

  /// A report that says which model and template it is of.
  Result<WorkerAnswer> report(const WorkerRequest& request) {
    if (lose_reports_) return Error(ErrorCode::kUnavailable, "the connection broke");
    const std::string model = argument(request, "model-id");
    return WorkerAnswer{200, "application/dicom",
                        model + "|" + std::to_string(sequence_[model]) + "|" + std::string(request.body)};
  }

  mutable std::mutex mutex_;
  bool down_ = false, lose_reports_ = false;
  std::string active_;
  std::map<std::string, std::vector<Stored>> stored_;
  std::map<std::string, std::uint64_t> sequence_;
  std::map<std::string, std::uint64_t> cursors_;
};

/// Ids are "id-" and the UID. Thread safe.
class MadeStudies final : public StudyArchive {
 public:
  std::string server() const override { return "server"; }
  std::optional<std::string> study(const std::string& uid) const override {
    return uid.starts_with("elsewhere") ? std::nullopt : std::optional("id-" + uid);
  }
  std::optional<std::string> instance(const std::string& uid) const override {
    return uid.starts_with("elsewhere") ? std::nullopt : std::optional("id-" + uid);
  }
  bool with_tags(const std::string& id, const std::function<void(std::string_view)>& use) const override {
    use("tags of " + id);
    return true;
  }
  std::vector<ReportSeries> reports(const std::string&) const override {
    const std::scoped_lock lock(mutex_);
    std::vector<ReportSeries> found;
    for (const auto& [series, instances] : series_) found.push_back({series, "chexworld " + series, instances});
    return found;
  }
  /// The series is named by the file's first word, the model.
  StoredReport store(std::string_view file) override {
    const std::scoped_lock lock(mutex_);
    const std::string series(file.substr(0, file.find('|'))), id = "report " + std::string(file);
    std::vector<std::string>& instances = series_[series];
    if (std::find(instances.begin(), instances.end(), id) == instances.end()) instances.push_back(id);
    return {id, series};
  }
  void remove_instance(const std::string& id) override {
    const std::scoped_lock lock(mutex_);
    for (auto& [series, instances] : series_) std::erase(instances, id);
  }
  void remove_series(const std::string& id) override {
    const std::scoped_lock lock(mutex_);
    series_.erase(id);
  }
  std::optional<std::string> metadata(Level level, const std::string& id, int number) const override {
    const std::scoped_lock lock(mutex_);
    const auto found = metadata_.find({level, id, number});
    return found == metadata_.end() ? std::nullopt : std::optional(found->second);
  }
  void set_metadata(Level level, const std::string& id, int number, const std::string& value) override {
    const std::scoped_lock lock(mutex_);
    metadata_[{level, id, number}] = value;
    ++metadata_written_;
  }

  std::map<std::string, std::vector<std::string>> series() const {
    const std::scoped_lock lock(mutex_);
    return series_;
  }
  int metadata_written() const {
    const std::scoped_lock lock(mutex_);
    return metadata_written_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::vector<std::string>> series_;  // by model
  std::map<std::tuple<Level, std::string, int>, std::string> metadata_;
  int metadata_written_ = 0;
};

}  // namespace chexworld::plugin
