// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "orthanc-plugin/orthanc_host.h"
#include "orthanc-plugin/study_archive.h"
#include "orthanc-plugin/webhook.h"

namespace chexworld::plugin {

/// The Orthanc that loaded us. Works once Orthanc has started.
class OrthancStudyArchive final : public StudyArchive {
 public:
  explicit OrthancStudyArchive(const OrthancHost& host) : host_(host) {}

  std::string server() const override;
  std::optional<std::string> study(const std::string& study_instance_uid) const override;
  std::optional<std::string> instance(const std::string& sop_instance_uid) const override;
  bool with_tags(const std::string& instance_id, const std::function<void(std::string_view)>& use) const override;
  std::vector<ReportSeries> reports(const std::string& study_id) const override;
  StoredReport store(std::string_view file) override;
  void remove_instance(const std::string& instance_id) override;
  void remove_series(const std::string& series_id) override;
  std::optional<std::string> metadata(Level level, const std::string& id, int number) const override;
  void set_metadata(Level level, const std::string& id, int number, const std::string& value) override;

 private:
  const OrthancHost host_;
};

/// Orthanc's own HTTP client: its proxy, certificates and TLS settings apply.
class OrthancHttpSender final : public HttpSender {
 public:
  explicit OrthancHttpSender(const OrthancHost& host) : host_(host) {}
  int post(const HttpPost& request) override;

 private:
  const OrthancHost host_;
};

}  // namespace chexworld::plugin
