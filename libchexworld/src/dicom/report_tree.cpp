// SPDX-License-Identifier: Apache-2.0
#include "dicom/report_tree.h"

#include "base/failure.h"

namespace chexworld {
namespace {

/// Our values are checked by construction; DCMTK's own checks depend on a character set that is the study's.
void require(const OFCondition& condition) {
  if (condition.bad()) fail(ErrorCode::kInternal, std::string("making a structured report: ") + condition.text());
}

DSRCodedEntryValue coded(const ReportCode& code) {
  return {OFString(code.value.c_str()), OFString(code.scheme.c_str()), OFString(code.meaning.c_str())};
}

}  // namespace

ReportTree::ReportTree(DSRDocumentTree& tree, const ReportCode& title, const std::string& tid) : tree_(tree) {
  if (tree_.addContentItem(DSRTypes::RT_isRoot, DSRTypes::VT_Container) == 0)
    fail(ErrorCode::kInternal, "making a structured report: no root");
  require(tree_.getCurrentContentItem().setConceptName(coded(title)));
  require(tree_.getCurrentContentItem().setTemplateIdentification(tid.c_str(), "DCMR"));
}

void ReportTree::add(Relation relation, DSRTypes::E_ValueType type, const ReportCode* name, const Inside& fill) {
  if (tree_.addContentItem(relation, type, DSRTypes::AM_belowCurrent) == 0)
    fail(ErrorCode::kInternal, std::string("making a structured report: a ") + DSRTypes::valueTypeToReadableName(type) +
                                   " may not stand there");
  if (name) require(tree_.getCurrentContentItem().setConceptName(coded(*name)));
  if (fill) fill();
  tree_.goUp();
}

void ReportTree::container(const ReportCode& name, const std::string& tid, const Inside& inside) {
  add(DSRTypes::RT_contains, DSRTypes::VT_Container, &name, [&] {
    if (!tid.empty()) require(tree_.getCurrentContentItem().setTemplateIdentification(tid.c_str(), "DCMR"));
    inside();
  });
}

void ReportTree::code(Relation relation, const ReportCode& name, const ReportCode& value) {
  add(relation, DSRTypes::VT_Code, &name, [&] { require(tree_.getCurrentContentItem().setCodeValue(coded(value))); });
}

void ReportTree::text(Relation relation, const ReportCode& name, const std::string& value) {
  add(relation, DSRTypes::VT_Text, &name,
      [&] { require(tree_.getCurrentContentItem().setStringValue(value.c_str())); });
}

void ReportTree::uid(Relation relation, const ReportCode& name, const std::string& value) {
  add(relation, DSRTypes::VT_UIDRef, &name,
      [&] { require(tree_.getCurrentContentItem().setStringValue(value.c_str())); });
}

void ReportTree::number(const ReportCode& name, const std::string& value, const ReportCode& unit) {
  add(DSRTypes::RT_contains, DSRTypes::VT_Num, &name, [&] {
    require(tree_.getCurrentContentItem().setNumericValue(DSRNumericMeasurementValue(value.c_str(), coded(unit))));
  });
}

void ReportTree::image(const ReportCode* name, const std::string& sop_class_uid, const std::string& sop_instance_uid,
                       const Inside& inside) {
  add(DSRTypes::RT_contains, DSRTypes::VT_Image, name, [&] {
    // Unchecked: classes of other vendors are images too.
    const DSRImageReferenceValue reference(sop_class_uid.c_str(), sop_instance_uid.c_str(), OFFalse);
    require(tree_.getCurrentContentItem().setImageReference(reference, OFFalse));
    if (inside) inside();
  });
}

}  // namespace chexworld
