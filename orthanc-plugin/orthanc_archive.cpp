// SPDX-License-Identifier: GPL-3.0-or-later
#include "orthanc-plugin/orthanc_archive.h"

#include "base/failure.h"

namespace chexworld::plugin {
namespace {

Json required(const std::optional<Json>& answer, const char* path) {
  if (!answer) fail(ErrorCode::kUnavailable, std::string("Orthanc has no ") + path);
  return *answer;
}

std::string query(const char* path, std::uint64_t since, std::uint32_t most) {
  return std::string(path) + "?since=" + std::to_string(since) + "&limit=" + std::to_string(most);
}

}  // namespace

std::string OrthancArchive::server() const {
  const std::scoped_lock lock(mutex_);
  if (server_.empty()) server_ = host_.server();
  return server_;
}

ChangePage OrthancArchive::changes(std::uint64_t since, std::uint32_t most) const {
  const Json answer = required(host_.get(query("/changes", since, most)), "/changes");
  ChangePage page;
  page.last = answer.value("Last", std::uint64_t(0));
  page.done = answer.value("Done", true);
  page.up_to = since;
  for (const Json& change : answer.at("Changes")) {
    page.up_to = std::max(page.up_to, change.at("Seq").get<std::uint64_t>());
    if (change.at("ChangeType") == "NewInstance") page.new_instances.push_back(change.at("ID").get<std::string>());
  }
  return page;
}

std::vector<std::string> OrthancArchive::instances(std::uint64_t since, std::uint32_t most) const {
  return required(host_.get(query("/instances", since, most)), "/instances").get<std::vector<std::string>>();
}

bool OrthancArchive::has(const std::string& instance_id) const {
  return host_.get("/instances/" + instance_id).has_value();
}

bool OrthancArchive::with_dicom(const std::string& instance_id,
                                const std::function<void(std::string_view)>& use) const {
  const std::optional<OrthancBuffer> file = host_.dicom(instance_id);
  if (file) use(file->text());
  return file.has_value();
}

}  // namespace chexworld::plugin
