// SPDX-License-Identifier: Apache-2.0
//
// For writing results back to an archive: results in the order in which they came, and a study's Structured Report.
#include "base/failure.h"
#include "dicom/structured_report.h"
#include "worker/json.h"
#include "worker/routes.h"

#include <algorithm>
#include <limits>
#include <span>

namespace chexworld {
namespace {

constexpr std::int64_t kMostAtOnce = 1000;
constexpr std::int64_t kUsuallyAtOnce = 100;

// ---- results as they came ----------------------------------------------------------------------------

Json json_of(const Change& change, Clock::WallTime now) {
  if (!change.result) return {{"sequence", change.sequence}, {"removed", true}};
  const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(now - change.result->stored_at);
  return {{"sequence", change.sequence},
          {"sop_instance_uid", change.result->instance.sop_instance_uid},
          {"study_instance_uid", change.result->instance.study_instance_uid},
          {"age_ms", std::max<std::int64_t>(0, age.count())}};
}

HttpResponse list_results(Worker& worker, const HttpRequest& request, const PathParameters&) {
  Arguments arguments(request);
  const std::int64_t since = arguments.integer("since", 0, std::numeric_limits<std::int64_t>::max()).value_or(0);
  const std::int64_t most = arguments.integer("limit", 1, kMostAtOnce).value_or(kUsuallyAtOnce);
  const std::string model_id = model_asked(worker, arguments);
  const ChangePage page = worker.store().changes(model_id, std::uint64_t(since), std::uint32_t(most));
  Json changes = Json::array();
  for (const Change& change : page.changes) changes.push_back(json_of(change, Clock::system().wall()));
  return json_response(
      {{"model_id", model_id}, {"last_sequence", page.last_sequence}, {"changes", std::move(changes)}});
}

// ---- reports -----------------------------------------------------------------------------------------

std::string name_of_model(Worker& worker, const std::string& model_id) {
  for (const ModelState& state : worker.store().models())
    if (state.model.model_id == model_id) return state.model.name;
  return "";
}

ReportedImage reported(const StoredResult& stored, const std::vector<std::string>& labels,
                       const Thresholds& thresholds) {
  ReportedImage image;
  image.sop_class_uid = stored.instance.sop_class_uid;
  image.sop_instance_uid = stored.instance.sop_instance_uid;
  image.series_instance_uid = stored.instance.series_instance_uid;
  image.view = stored.instance.view;
  image.quality = stored.result.quality;
  image.embedding_size = stored.result.embedding.size();
  image.precision = stored.result.precision;
  image.preprocessing_version = stored.result.preprocessing_version;
  const std::vector<float>& probabilities = stored.result.finding_probabilities;
  if (const auto abstained = abstention_of(stored.result))
    image.abstained = abstained->reason + ": " + abstained->detail;
  for (std::size_t i = 0; i < labels.size() && (i < probabilities.size() || !image.abstained.empty()); ++i) {
    const auto threshold = thresholds.find(labels[i]);
    image.findings.push_back({labels[i],
                              i < probabilities.size() ? std::optional(double(probabilities[i])) : std::nullopt,
                              threshold == thresholds.end() ? std::nullopt : std::optional(threshold->second)});
  }
  return image;
}

ReportContent content_of(Worker& worker, const std::string& study_uid, const std::string& model_id) {
  ReportContent content{.study_instance_uid = study_uid,
                        .model_id = model_id,
                        .model_name = name_of_model(worker, model_id),
                        .images = {},
                        .computed_at = {}};
  const std::vector<std::string> labels = labels_of(worker, model_id);
  const Thresholds thresholds = thresholds_of(worker, model_id);
  for (const StoredResult& stored : worker.store().study(study_uid, model_id)) {
    content.images.push_back(reported(stored, labels, thresholds));
    content.computed_at = std::max(content.computed_at, stored.stored_at);
  }
  if (content.images.empty()) fail(ErrorCode::kNotFound, "there is no result of this model for this study");
  return content;
}

/// The object given is parsed in this process, not in a decoder's: its tags alone, under the limits of any object.
HttpResponse make_report(Worker& worker, const HttpRequest& request, const PathParameters& path) {
  Arguments arguments(request);
  const std::string model_id = model_asked(worker, arguments);
  const ReportContent content = content_of(worker, path.at("study-uid"), model_id);
  const DicomFile object =
      within("the object of the study", [&] { return DicomFile::from_view(std::as_bytes(std::span(request.body))); });
  const StructuredReport report = make_structured_report(object, content);
  HttpResponse response;
  response.content_type = "application/dicom";
  response.body.assign(reinterpret_cast<const char*>(report.file.data()), report.file.size());
  response.headers = {{"X-Chexworld-Model", model_id}};
  return response;
}

}  // namespace

void add_report_routes(Router& router, Worker& worker) {
  router.add_direct("GET", "/v1/results", [&worker](const HttpRequest& request, const PathParameters& path) {
    return list_results(worker, request, path);
  });
  router.add_direct(
      "POST", "/v1/studies/{study-uid}/report",
      [&worker](const HttpRequest& request, const PathParameters& path) { return make_report(worker, request, path); });
}

}  // namespace chexworld
