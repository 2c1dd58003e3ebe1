// SPDX-License-Identifier: Apache-2.0
//
// Writing a content tree from the root down, with DCMTK's dcmsr. For sources of this room only: shows DCMTK's types.
#pragma once

#include "dicom/report_codes.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmsr/dsrdoctr.h>
#include <functional>
#include <string>

namespace chexworld {

/// Every function adds one content item as last child of the current one and goes into it only while `inside` runs.
/// Throws Failure(kInternal) for what the SOP class does not allow. Not thread safe; the tree must outlive it.
class ReportTree {
 public:
  using Relation = DSRTypes::E_RelationshipType;
  using Inside = std::function<void()>;

  /// Starts the tree with a root container after template `tid` of DCMR.
  ReportTree(DSRDocumentTree& tree, const ReportCode& title, const std::string& tid);

  void container(const ReportCode& name, const std::string& tid, const Inside& inside);
  void code(Relation relation, const ReportCode& name, const ReportCode& value);
  void text(Relation relation, const ReportCode& name, const std::string& value);
  void uid(Relation relation, const ReportCode& name, const std::string& value);
  /// `value` as it shall be written (DS, at most 16 bytes).
  void number(const ReportCode& name, const std::string& value, const ReportCode& unit);
  void image(const ReportCode* name, const std::string& sop_class_uid, const std::string& sop_instance_uid,
             const Inside& inside = {});

 private:
  void add(Relation relation, DSRTypes::E_ValueType type, const ReportCode* name, const Inside& fill);

  DSRDocumentTree& tree_;
};

}  // namespace chexworld
