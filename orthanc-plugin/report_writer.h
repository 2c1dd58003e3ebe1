// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "orthanc-plugin/study_archive.h"
#include "orthanc-plugin/study_writer.h"
#include "orthanc-plugin/worker_client.h"
#include "orthanc-plugin/write_back_settings.h"

#include <memory>

namespace chexworld::plugin {

/// Stores a Structured Report of the study that the worker makes; one of the same model that says something else is
/// removed. Client and archive must outlive it.
std::unique_ptr<StudyWriter> make_report_writer(WorkerClient& client, StudyArchive& archive, OnModelChange rule);

/// Series Description of this model's reports.
std::string report_description(const std::string& model_id);

}  // namespace chexworld::plugin
