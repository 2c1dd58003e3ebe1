// SPDX-License-Identifier: GPL-3.0-or-later
#include "orthanc-plugin/report_writer.h"

#include "base/failure.h"

#include <algorithm>

namespace chexworld::plugin {
namespace {

constexpr std::size_t kModelDigits = 12;

class ReportWriter final : public StudyWriter {
 public:
  ReportWriter(WorkerClient& client, StudyArchive& archive, OnModelChange rule)
      : client_(client), archive_(archive), rule_(rule) {}

  void write(const StudyResults& study) override {
    const std::vector<ReportSeries> before = archive_.reports(study.study_id);
    const std::string ours = report_description(study.model_id);
    const bool others =
        std::any_of(before.begin(), before.end(), [&](const ReportSeries& s) { return s.description != ours; });
    if (others && rule_ == OnModelChange::kLeave) return;
    const StoredReport stored = archive_.store(report_of(study));
    // In this order, so that there is always one.
    for (const ReportSeries& series : before) remove_what_is_old(series, stored);
  }

 private:
  void remove_what_is_old(const ReportSeries& series, const StoredReport& stored) {
    if (series.series_id != stored.series_id) {
      if (rule_ == OnModelChange::kReplace) archive_.remove_series(series.series_id);
      return;
    }
    for (const std::string& id : series.instance_ids)
      if (id != stored.instance_id) archive_.remove_instance(id);
  }

  /// Any instance of the study serves as its template.
  std::string report_of(const StudyResults& study) {
    std::string report;
    for (const Json& instance : study.instances) {
      const auto id = archive_.instance(instance.at("sop_instance_uid").get<std::string>());
      if (id && archive_.with_tags(*id, [&](std::string_view file) { report = made_from(study, file); })) return report;
    }
    fail(ErrorCode::kNotFound, "Orthanc has none of the images that the report is about");
  }

  std::string made_from(const StudyResults& study, std::string_view file) {
    const Result<WorkerAnswer> answer = client_.call({.method = "POST",
                                                      .target = "/v1/studies/" + url_encoded(study.study_instance_uid) +
                                                                "/report?model-id=" + url_encoded(study.model_id),
                                                      .body = file,
                                                      .content_type = "application/dicom"});
    // It answered a moment ago: an object over which it is lost must not be tried for ever.
    if (!answer.ok() && answer.error().code() == ErrorCode::kUnavailable)
      fail(ErrorCode::kInternal, "the worker was lost while it made the report");
    if (!answer.value().ok()) throw Failure(error_of(*answer));
    return answer->body;
  }

  WorkerClient& client_;
  StudyArchive& archive_;
  const OnModelChange rule_;
};

}  // namespace

std::string report_description(const std::string& model_id) { return "chexworld " + model_id.substr(0, kModelDigits); }

std::unique_ptr<StudyWriter> make_report_writer(WorkerClient& client, StudyArchive& archive, OnModelChange rule) {
  return std::make_unique<ReportWriter>(client, archive, rule);
}

}  // namespace chexworld::plugin
