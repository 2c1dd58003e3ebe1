// SPDX-License-Identifier: Apache-2.0
#include "support/orthanc_server.h"

#include "base/file.h"
#include "support/patient_words.h"

#include <csignal>
#include <cstdlib>
#include <gtest/gtest.h>

namespace chexworld::test {

using namespace std::chrono_literals;

std::string plugin_library() { return CHEXWORLD_PLUGIN_LIBRARY; }

OrthancServer::OrthancServer(const Json& chexworld) : http_port_(free_port()), dicom_port_(free_port()) {
  start(chexworld);
}

void OrthancServer::start(const Json& chexworld) {
  const std::string storage = (folder_ / "storage").string();
  Json configuration = {{"Name", "chexworld-test"},       {"StorageDirectory", storage},
                        {"IndexDirectory", storage},      {"HttpPort", http_port_},
                        {"DicomPort", dicom_port_},       {"RemoteAccessAllowed", false},
                        {"AuthenticationEnabled", false}, {"Plugins", Json::array({plugin_library()})},
                        {"Chexworld", chexworld}};
  if (!identifier_.empty()) configuration["DatabaseServerIdentifier"] = identifier_;
  write_file_atomically(folder_ / "orthanc.json", configuration.dump(2));
  process_ = std::make_unique<BackgroundProcess>(
      std::vector<std::string>{"Orthanc", "--verbose", (folder_ / "orthanc.json").string()}, folder_ / "orthanc.log");
  wait_until([this] { return !running() || get("/system").status == 200; }, 30s);
}

HttpAnswer OrthancServer::curl(const std::string& method, const std::string& path,
                               const std::vector<std::string>& arguments) const {
  std::vector<std::string> command{"curl",        "--silent",       "--max-time", "120",
                                   "--write-out", "\n%{http_code}", "--request",  method};
  command.insert(command.end(), arguments.begin(), arguments.end());
  command.push_back(url() + path);
  const std::string output = run(command).output;
  const std::size_t line = output.rfind('\n');
  return line == std::string::npos ? HttpAnswer{}
                                   : HttpAnswer{std::atoi(output.c_str() + line + 1), output.substr(0, line)};
}

HttpAnswer OrthancServer::request(const std::string& method, const std::string& path, const std::string& body,
                                  const std::string& arguments) const {
  std::vector<std::string> words;
  if (!body.empty()) words = {"--data-binary", body};
  if (!arguments.empty()) words.insert(words.end(), {"--header", "X-Chexworld-Arguments: " + arguments});
  return curl(method, path, words);
}

HttpAnswer OrthancServer::stream(const std::string& method, const std::string& path, const std::filesystem::path& file,
                                 const std::string& arguments) const {
  return curl(method, path,
              {"--header", "Transfer-Encoding: chunked", "--header", "Expect:", "--header",
               "X-Chexworld-Arguments: " + arguments, "--upload-file", file.string()});
}

std::uint64_t OrthancServer::peak_resident_bytes() const {
  const std::string status = text_of("/proc/" + std::to_string(process_->pid()) + "/status");
  const std::size_t line = status.find("VmHWM:");
  return line == std::string::npos ? 0 : std::strtoull(status.c_str() + line + 6, nullptr, 10) << 10;
}

std::string OrthancServer::upload(const std::filesystem::path& file) const {
  const HttpAnswer answer = request("POST", "/instances", "@" + file.string());
  return answer.status == 200 ? Json::parse(answer.body).at("ID").get<std::string>() : "";
}

std::vector<std::string> OrthancServer::instances() const {
  return Json::parse(get("/instances").body).get<std::vector<std::string>>();
}

void OrthancServer::kill() {
  note_patients();
  process_->stop(SIGKILL);
}

int OrthancServer::stop() {
  note_patients();
  return process_->stop(SIGTERM);
}

void OrthancServer::note_patients() {
  if (running()) patient_words_.merge(patient_words(Json::parse(get("/studies?expand").body, nullptr, false)));
}

OrthancServer::~OrthancServer() {
  kill();
  for (const int line : lines_naming_patients(log(), patient_words_))
    ADD_FAILURE() << "line " << line << " of the log of an Orthanc names one of its patients";
}

}  // namespace chexworld::test
