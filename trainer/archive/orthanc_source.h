// SPDX-License-Identifier: Apache-2.0
//
// Films of a running Orthanc, over its REST API.
#pragma once

#include "trainer/archive/build.h"

#include <functional>

namespace chexworld {

/// How to talk to the server; thread safe. Return the body of an answer with status 200 and throw Failure for any
/// other.
struct OrthancConnection {
  std::function<std::string(const std::string& target)> get;
  std::function<std::string(const std::string& target, const std::string& json)> post;
};

/// Immutable, so read() may be called from several threads.
class OrthancSource final : public FilmSource {
 public:
  /// Asks for the instances that match `query`, DICOM keyword to value as /tools/find takes them ("StudyDate":
  /// "20240101-"); without "Modality" in it, CR, DX and DR. Throws Failure where the server does not answer so.
  OrthancSource(OrthancConnection connection, const std::map<std::string, std::string>& query);

  const std::vector<SourceItem>& items() const override { return items_; }
  /// Fetches the DICOM file.
  SourceFilm read(const SourceItem& item, const ArchiveSettings& settings) const override;

 private:
  OrthancConnection connection_;
  std::vector<SourceItem> items_;
};

}  // namespace chexworld
