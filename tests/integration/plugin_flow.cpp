// SPDX-License-Identifier: Apache-2.0
#include "plugin_flow.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace chexworld::test {

int number_from(const char* variable, int fallback) {
  const char* text = std::getenv(variable);
  return text ? std::atoi(text) : fallback;
}

Json json_from(const HttpAnswer& answer) {
  EXPECT_EQ(answer.status, 200) << answer.body;
  const Json json = Json::parse(answer.body, nullptr, false);
  EXPECT_TRUE(json.is_object()) << answer.body;
  return json.is_object() ? json : Json::object();
}

std::map<std::string, std::string> outcomes(const OrthancServer& orthanc) {
  std::map<std::string, std::string> found;
  const HttpAnswer answer = orthanc.get("/chexworld/failures?limit=10000");
  if (answer.status != 200) return found;
  const Json failures = json_from(answer).value("failures", Json::array());
  for (const Json& trouble : failures)
    if (trouble.at("state") != "queued") found[trouble.at("location").at("instance_id")] = trouble.at("reason_code");
  for (const std::string& id : orthanc.instances())
    if (!found.contains(id) && orthanc.get("/instances/" + id + "/chexworld").status == 200) found[id] = "embedded";
  return found;
}

std::string lines_with(const std::string& log, const std::string& word) {
  std::istringstream stream(log);
  std::string found;
  for (std::string line; std::getline(stream, line);)
    if (line.find(word) != std::string::npos) found += line + "\n";
  return found;
}

namespace {

/// How many instances have an outcome, by two questions however many there are; less than none where nobody answers.
std::int64_t settled(const OrthancServer& orthanc) {
  const HttpAnswer failures = orthanc.get("/chexworld/failures?limit=10000");
  const HttpAnswer status = orthanc.get("/chexworld/status");
  if (failures.status != 200 || status.status != 200) return -1;
  auto count = Json::parse(status.body).value("/worker/coverage/with_result"_json_pointer, std::int64_t(-1));
  const Json list = Json::parse(failures.body).at("failures");
  for (const Json& trouble : list) count += trouble.at("state") != "queued";
  return count;
}

}  // namespace

bool all_settled(const OrthancServer& orthanc, std::chrono::seconds patience) {
  return wait_until(
      [&] {
        const auto instances = std::int64_t(orthanc.instances().size());
        return settled(orthanc) == instances && std::int64_t(outcomes(orthanc).size()) == instances;
      },
      patience);
}

std::set<pid_t> processes_with(const std::string& word) {
  std::set<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (text_of(entry.path() / "cmdline").find(word) != std::string::npos) found.insert(std::stoi(name));
  }
  return found;
}

Json PluginFlow::settings() const {
  return {{"Program", CHEXWORLD_PROGRAM},
          {"Folder", folder().string()},
          {"Model", models_.path(0).string()},
          {"Precision", "f32"},
          {"Threads", 1},
          {"Nice", 0},
          {"PollInterval", 1}};
}

std::vector<std::filesystem::path> PluginFlow::films(int count, int first) const {
  std::vector<std::filesystem::path> files;
  for (int i = first; i < first + count; ++i) {
    files.push_back(folder_ / ("film" + std::to_string(i) + ".dcm"));
    std::ofstream(files.back(), std::ios::binary) << film_bytes(i, "CHEST" + std::to_string(i));
  }
  return files;
}

}  // namespace chexworld::test
