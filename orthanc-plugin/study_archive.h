// SPDX-License-Identifier: GPL-3.0-or-later
//
// What writing back needs of a PACS; Orthanc in the product, a stand-in in tests.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace chexworld::plugin {

/// A series of our reports in the archive.
struct ReportSeries {
  std::string series_id;
  std::string description;                ///< Series Description: "chexworld " and the first digits of the model id
  std::vector<std::string> instance_ids;  ///< of the reports in it
};

struct StoredReport {
  std::string instance_id;
  std::string series_id;
};

enum class Level { kInstance, kStudy };

/// Ids are Orthanc's. Thread safe. Throws Failure: kUnavailable where the PACS does not answer, else what it refused.
class StudyArchive {
 public:
  virtual ~StudyArchive() = default;
  /// Names the database; another database, another name.
  virtual std::string server() const = 0;
  /// Nothing where the archive has no such study or instance.
  virtual std::optional<std::string> study(const std::string& study_instance_uid) const = 0;
  virtual std::optional<std::string> instance(const std::string& sop_instance_uid) const = 0;

  /// Calls `use` with a DICOM file that has the instance's tags, without Pixel Data where that can be had; false where
  /// the instance is gone.
  virtual bool with_tags(const std::string& instance_id, const std::function<void(std::string_view)>& use) const = 0;
  /// The reports of ours (Modality SR, Manufacturer chexworld) in a study; none where the study is gone.
  virtual std::vector<ReportSeries> reports(const std::string& study_id) const = 0;
  /// Stores a DICOM file; that it is there already is well.
  virtual StoredReport store(std::string_view file) = 0;
  /// That it is gone already is well.
  virtual void remove_instance(const std::string& instance_id) = 0;
  virtual void remove_series(const std::string& series_id) = 0;

  virtual std::optional<std::string> metadata(Level level, const std::string& id, int number) const = 0;
  virtual void set_metadata(Level level, const std::string& id, int number, const std::string& value) = 0;
};

}  // namespace chexworld::plugin
