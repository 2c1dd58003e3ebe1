// SPDX-License-Identifier: Apache-2.0
//
// What people say about images and studies.
#include "base/failure.h"
#include "service/arguments.h"
#include "worker/json.h"
#include "worker/routes.h"

namespace chexworld {
namespace {

HttpResponse labels_response(Worker& worker, const LabelSubject& subject) {
  Json labels = Json::array();
  for (const Label& label : worker.store().labels(subject)) labels.push_back(to_json(label));
  return json_response({{"labels", std::move(labels)}});
}

std::vector<Label> labels_from(const HttpRequest& request) {
  ConfigReader body(json_body(request), "the body");
  if (!body.has("labels")) fail(ErrorCode::kInvalidArgument, "the body must hold 'labels', a list that may be empty");
  std::vector<Label> labels;
  for (ConfigReader& json : body.sections("labels")) {
    labels.push_back({json.text("name", ""), json.text("value", ""), json.text("source", "")});
    json.finish();
  }
  body.finish();
  return labels;
}

/// The subject has these labels afterwards and no others of its own.
HttpResponse put_labels(Worker& worker, const HttpRequest& request, const LabelSubject& subject) {
  const Labelling labelling{subject, labels_from(request), true};
  const LabelReport report = worker.store().label({&labelling, 1});
  if (!report.unknown.empty())
    fail(ErrorCode::kNotFound,
         subject.level == LabelLevel::kStudy ? "this study is not known" : "this instance is not known");
  return labels_response(worker, subject);
}

void add_level(Router& router, Worker& worker, LabelLevel level, const std::string& pattern, const char* parameter) {
  router.add_direct("GET", pattern, [=, &worker](const HttpRequest& request, const PathParameters& path) {
    no_arguments(request);
    return labels_response(worker, {level, path.at(parameter)});
  });
  router.add_direct("PUT", pattern, [=, &worker](const HttpRequest& request, const PathParameters& path) {
    no_arguments(request);
    return put_labels(worker, request, {level, path.at(parameter)});
  });
}

}  // namespace

void add_label_routes(Router& router, Worker& worker) {
  add_level(router, worker, LabelLevel::kInstance, "/v1/instances/{sop-uid}/labels", "sop-uid");
  add_level(router, worker, LabelLevel::kStudy, "/v1/studies/{study-uid}/labels", "study-uid");
}

}  // namespace chexworld
