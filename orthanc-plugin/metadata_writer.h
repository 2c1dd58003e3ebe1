// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "orthanc-plugin/study_archive.h"
#include "orthanc-plugin/study_writer.h"

#include <memory>

namespace chexworld::plugin {

/// Sets three metadata of the study and of each of its images: `first` the status ("embedded"), `first` + 1 the model
/// id, `first` + 2 the names of the findings that are present, separated by ";" (of a study: in any of its images), or
/// "abstained: REASON" where the model gave no answer (of a study: for none of its images).
/// Values that are right already are not written. The archive must outlive it.
std::unique_ptr<StudyWriter> make_metadata_writer(StudyArchive& archive, int first);

}  // namespace chexworld::plugin
