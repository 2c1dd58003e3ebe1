// SPDX-License-Identifier: Apache-2.0
#include "trainer/archive/orthanc_source.h"

#include "base/config.h"
#include "base/failure.h"
#include "trainer/archive/file_source.h"

#include <algorithm>

namespace chexworld {
namespace {

constexpr const char* kRadiographs = "CR\\DX\\DR";
constexpr const char* kFind = "/tools/find";

bool is_orthanc_id(const Json& id) {
  return id.is_string() && id.get<std::string>().find_first_not_of("0123456789abcdef-") == std::string::npos;
}

}  // namespace

OrthancSource::OrthancSource(OrthancConnection connection, const std::map<std::string, std::string>& query)
    : connection_(std::move(connection)) {
  Json wanted = query;
  if (!query.contains("Modality")) wanted["Modality"] = kRadiographs;
  const Json found =
      parse_json(connection_.post(kFind, Json{{"Level", "Instance"}, {"Query", wanted}}.dump()), "Orthanc's answer");
  if (!found.is_array() || !std::all_of(found.begin(), found.end(), is_orthanc_id))
    fail(ErrorCode::kMalformed, std::string("Orthanc's answer to ") + kFind + " is no list of instances");
  for (const Json& id : found) items_.push_back({id.get<std::string>(), "", {}});
  std::sort(items_.begin(), items_.end(), [](const SourceItem& a, const SourceItem& b) { return a.place < b.place; });
}

SourceFilm OrthancSource::read(const SourceItem& item, const ArchiveSettings& settings) const {
  try {
    const std::string bytes = connection_.get("/instances/" + item.place + "/file");
    return film_of(std::as_bytes(std::span(bytes)), settings);
  } catch (...) {
    return unreadable_film(current_error().message());
  }
}

}  // namespace chexworld
