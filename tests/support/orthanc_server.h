// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/config.h"
#include "support/process.h"
#include "support/temporary_folder.h"

#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace chexworld::test {

struct HttpAnswer {
  int status = 0;
  std::string body;
};

/// A real Orthanc on free loopback ports with an empty storage of its own.
class OrthancServer {
 public:
  /// Starts it with our plugin and `chexworld` as its configuration section, and waits until it answers
  /// or has ended; see running().
  explicit OrthancServer(const Json& chexworld = Json::object());
  /// The test fails where a line of ours in the log names a patient that this Orthanc held (support/patient_words.h).
  ~OrthancServer();

  bool running() { return process_->running(); }
  HttpAnswer get(const std::string& path) const { return request("GET", path, ""); }
  /// `arguments` "k=1&exact=true" go to the plugin in a header: Orthanc passes a query on with GET alone.
  HttpAnswer request(const std::string& method, const std::string& path, const std::string& body,
                     const std::string& arguments = "") const;
  /// Sends a file in chunks, without telling its length first.
  HttpAnswer stream(const std::string& method, const std::string& path, const std::filesystem::path& file,
                    const std::string& arguments = "") const;
  std::string url() const { return "http://127.0.0.1:" + std::to_string(http_port_); }
  std::string log() const { return text_of(folder_ / "orthanc.log"); }
  int dicom_port() const { return dicom_port_; }
  /// Most memory that the process has had resident, bytes.
  std::uint64_t peak_resident_bytes() const;
  /// Adds a DICOM file over HTTP; its Orthanc id, empty where Orthanc refuses it.
  std::string upload(const std::filesystem::path& file) const;
  /// Orthanc ids of all instances.
  std::vector<std::string> instances() const;
  /// Asks it to stop and waits; its exit status.
  int stop();
  /// Kills it.
  void kill();
  /// What it calls itself from the next start on, as where the machine's network interfaces have changed.
  void identify_as(const std::string& identifier) { identifier_ = identifier; }
  /// Starts it again on the same storage, after stop() or kill().
  void start(const Json& chexworld);

 private:
  HttpAnswer curl(const std::string& method, const std::string& path, const std::vector<std::string>& arguments) const;
  void note_patients();

  TemporaryFolder folder_;
  std::set<std::string> patient_words_;
  std::string identifier_;
  int http_port_;
  int dicom_port_;
  std::unique_ptr<BackgroundProcess> process_;
};

/// The plugin library of this build.
std::string plugin_library();

}  // namespace chexworld::test
