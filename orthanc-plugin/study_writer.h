// SPDX-License-Identifier: GPL-3.0-or-later
//
// One way of telling others what a model says about a study.
#pragma once

#include "base/config.h"

#include <string>

namespace chexworld::plugin {

/// The stored results of one study under one model.
struct StudyResults {
  std::string study_instance_uid;
  std::string study_id;  ///< Orthanc's
  std::string model_id;
  Json instances;  ///< list of stored results as GET /v1/studies/{uid} answers them (docs/rest.md)
};

/// Used by one thread.
class StudyWriter {
 public:
  virtual ~StudyWriter() = default;
  /// Writing the same again changes nothing, or can be told by whoever receives it. Throws Failure: kUnavailable where
  /// it is worth trying for as long as it takes, anything else where the study itself may be the reason.
  virtual void write(const StudyResults& study) = 0;
};

}  // namespace chexworld::plugin
