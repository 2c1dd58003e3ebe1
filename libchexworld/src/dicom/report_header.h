// SPDX-License-Identifier: Apache-2.0
//
// What surrounds the content tree of a report: whose it is, who made it, what it refers to. For sources of this room
// only: shows DCMTK's types.
#pragma once

#include "dicom/structured_report.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmsr/dsrdoc.h>

namespace chexworld {

/// The whole file of a document whose content tree is written. `names`: its UIDs.
std::vector<std::byte> report_file(DSRDocument& document, const DicomFile& study_object, const ReportContent& content,
                                   const StructuredReport& names);

}  // namespace chexworld
