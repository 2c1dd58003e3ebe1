// SPDX-License-Identifier: GPL-3.0-or-later
#include "orthanc-plugin/orthanc_study_archive.h"

#include "base/failure.h"
#include "orthanc-plugin/orthanc_rest.h"

namespace chexworld::plugin {
namespace {

constexpr const char* kManufacturer = "chexworld";

/// A string that Orthanc gave and takes back; nothing where it gave none.
std::optional<std::string> taken(OrthancPluginContext* context, char* text) {
  if (!text) return std::nullopt;
  std::string copy = text;
  OrthancPluginFreeString(context, text);
  return copy.empty() ? std::nullopt : std::optional(copy);
}

std::string metadata_path(Level level, const std::string& id, int number) {
  return std::string(level == Level::kStudy ? "/studies/" : "/instances/") + id + "/metadata/" + std::to_string(number);
}

[[noreturn]] void refuse(const char* what, const RestAnswer& answer) {
  // 5xx: a full disk, a database that is away; worth waiting for.
  fail(answer.status >= 500 ? ErrorCode::kUnavailable : ErrorCode::kConflict,
       std::string("Orthanc refuses ") + what + " (status " + std::to_string(answer.status) + ")");
}

std::string tag_in(const Json& tags, const char* name) {
  const auto found = tags.find(name);
  return found != tags.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace

std::string OrthancStudyArchive::server() const { return host_.server(); }

std::optional<std::string> OrthancStudyArchive::study(const std::string& study_instance_uid) const {
  return taken(host_.context(), OrthancPluginLookupStudy(host_.context(), study_instance_uid.c_str()));
}

std::optional<std::string> OrthancStudyArchive::instance(const std::string& sop_instance_uid) const {
  return taken(host_.context(), OrthancPluginLookupInstance(host_.context(), sop_instance_uid.c_str()));
}

bool OrthancStudyArchive::with_tags(const std::string& instance_id,
                                    const std::function<void(std::string_view)>& use) const {
  OrthancPluginContext* const context = host_.context();
  OrthancPluginDicomInstance* const loaded =
      OrthancPluginLoadDicomInstance(context, instance_id.c_str(), OrthancPluginLoadDicomInstanceMode_UntilPixelData);
  if (loaded) {
    OrthancBuffer file(context);
    const OrthancPluginErrorCode failed = OrthancPluginSerializeDicomInstance(context, file.target(), loaded);
    OrthancPluginFreeDicomInstance(context, loaded);
    if (failed == OrthancPluginErrorCode_Success) {
      use(file.text());
      return true;
    }
  }
  const std::optional<OrthancBuffer> whole = host_.dicom(instance_id);
  if (whole) use(whole->text());
  return whole.has_value();
}

std::vector<ReportSeries> OrthancStudyArchive::reports(const std::string& study_id) const {
  std::vector<ReportSeries> found;
  const auto all = host_.get("/studies/" + study_id + "/series");
  if (!all) return found;
  for (const Json& series : *all) {
    const Json tags = series.value("MainDicomTags", Json::object());
    if (tag_in(tags, "Modality") != "SR" || tag_in(tags, "Manufacturer") != kManufacturer) continue;
    found.push_back({series.at("ID").get<std::string>(), tag_in(tags, "SeriesDescription"),
                     series.at("Instances").get<std::vector<std::string>>()});
  }
  return found;
}

StoredReport OrthancStudyArchive::store(std::string_view file) {
  const RestAnswer answer = call_orthanc(
      host_,
      {.method = "POST", .path = "/instances", .body = file, .headers = {{"Content-Type", "application/dicom"}}});
  if (!answer.ok()) refuse("to store a report", answer);
  const Json json = parse_json(answer.body, "Orthanc's answer");
  const std::string status = json.value("Status", "");
  if (status != "Success" && status != "AlreadyStored")
    fail(ErrorCode::kConflict, "Orthanc does not keep the report: a filter of its own takes it out");
  return {json.at("ID").get<std::string>(), json.at("ParentSeries").get<std::string>()};
}

void OrthancStudyArchive::remove_instance(const std::string& instance_id) {
  const RestAnswer answer = call_orthanc(host_, {.method = "DELETE", .path = "/instances/" + instance_id});
  if (!answer.ok() && answer.status != 404) refuse("to remove a report", answer);
}

void OrthancStudyArchive::remove_series(const std::string& series_id) {
  const RestAnswer answer = call_orthanc(host_, {.method = "DELETE", .path = "/series/" + series_id});
  if (!answer.ok() && answer.status != 404) refuse("to remove a report", answer);
}

std::optional<std::string> OrthancStudyArchive::metadata(Level level, const std::string& id, int number) const {
  const RestAnswer answer = call_orthanc(host_, {.path = metadata_path(level, id, number)});
  return answer.ok() ? std::optional(answer.body) : std::nullopt;
}

void OrthancStudyArchive::set_metadata(Level level, const std::string& id, int number, const std::string& value) {
  const std::string path = metadata_path(level, id, number);
  RestRequest request{.method = "PUT", .path = path, .body = value, .headers = {}};
  // Orthanc wants to hear the revision it replaces where "CheckRevisions" is on.
  const RestAnswer before = call_orthanc(host_, {.path = path});
  if (const auto revision = before.headers.find("etag"); before.ok() && revision != before.headers.end())
    request.headers["If-Match"] = revision->second;
  const RestAnswer answer = call_orthanc(host_, request);
  if (!answer.ok()) refuse("metadata", answer);
}

int OrthancHttpSender::post(const HttpPost& request) {
  std::vector<const char*> names, values;
  for (const auto& [name, value] : request.headers) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  OrthancBuffer body(host_.context()), headers(host_.context());
  std::uint16_t status = 0;
  OrthancPluginHttpClient(host_.context(), body.target(), headers.target(), &status, OrthancPluginHttpMethod_Post,
                          request.url.c_str(), std::uint32_t(names.size()), names.data(), values.data(),
                          request.body.data(), std::uint32_t(request.body.size()), nullptr, nullptr,
                          std::uint32_t(request.time_limit.count()), nullptr, nullptr, nullptr, 0);
  if (status == 0) fail(ErrorCode::kUnavailable, "the receiver of the webhook does not answer");
  return status;
}

}  // namespace chexworld::plugin
