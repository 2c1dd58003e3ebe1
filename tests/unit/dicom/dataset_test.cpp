// SPDX-License-Identifier: Apache-2.0
#include "dicom/dicom_file.h"

#include "failing.h"
#include "support/dicom_shell.h"

namespace chexworld {
namespace {

using test::Bytes;
using test::ElementWriter;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr DicomTag kWindowCenter{0x0028, 0x1050};
constexpr DicomTag kViewPosition{0x0018, 0x5101};
constexpr DicomTag kLutSequence{0x0028, 0x3010};
constexpr DicomTag kLutData{0x0028, 0x3006};

DicomFile file_of(const ElementWriter& dataset) {
  return DicomFile::from_bytes(test::dicom_file("1.2.840.10008.1.2.1", dataset.bytes()));
}

DicomFile with_text(DicomTag tag, std::string_view vr, const std::string& value) {
  ElementWriter dataset(ElementEncoding::kExplicitLittle);
  dataset.text(tag, vr, value);
  return file_of(dataset);
}

TEST(DicomDataset, TextsAreTrimmedAndSplit) {
  const DicomFile file = with_text(kViewPosition, "CS", " PA \\AP");
  EXPECT_EQ(file.dataset().text(kViewPosition), "PA");
  EXPECT_THAT(file.dataset().texts(kViewPosition), ElementsAre("PA", "AP"));
}

TEST(DicomDataset, AbsentAndEmptyAreNothing) {
  const DicomFile file = with_text(kViewPosition, "CS", "");
  EXPECT_TRUE(file.dataset().contains(kViewPosition));
  EXPECT_FALSE(file.dataset().has_value(kViewPosition));
  EXPECT_EQ(file.dataset().text(kViewPosition), std::nullopt);
  EXPECT_FALSE(file.dataset().contains(kWindowCenter));
  EXPECT_EQ(file.dataset().integer(kWindowCenter), std::nullopt);
  EXPECT_THAT(file.dataset().numbers(kWindowCenter), IsEmpty());
  EXPECT_THAT(file.dataset().words(kLutData), IsEmpty());
  EXPECT_THAT(file.dataset().items(kLutSequence), IsEmpty());
}

TEST(DicomDataset, DecimalStringsAreReadInFull) {
  const DicomFile file = with_text(kWindowCenter, "DS", " 40 \\+4.5e2\\-0.25");
  EXPECT_THAT(file.dataset().numbers(kWindowCenter), ElementsAre(40.0, 450.0, -0.25));
}

TEST(DicomDataset, WhatIsNoNumberIsAnErrorThatDoesNotQuoteIt) {
  for (const std::string text : {"slope", "nan", "inf", "1e400", "1,5", "12 cm"}) {
    const auto numbers = capture([&] { return with_text(kWindowCenter, "DS", text).dataset().numbers(kWindowCenter); });
    ASSERT_FALSE(numbers.ok()) << text;
    EXPECT_THAT(numbers.error().message(), testing::HasSubstr("(0028,1050)"));
    EXPECT_THAT(numbers.error().message(), testing::Not(testing::HasSubstr(text)));
  }
}

TEST(DicomDataset, SequencesAndWords) {
  ElementWriter item(ElementEncoding::kExplicitLittle);
  item.header(kLutData, "OW", 4);
  item.u16(1);
  item.u16(65535);
  ElementWriter dataset(ElementEncoding::kExplicitLittle);
  dataset.header(kLutSequence, "SQ", test::kUndefined);
  for (int i = 0; i < 2; ++i) {
    dataset.item(tags::kItem, std::uint32_t(item.bytes().size()));
    dataset.raw(item.bytes());
  }
  dataset.item(tags::kSequenceDelimitation, 0);
  const DicomFile file = file_of(dataset);
  const auto items = file.dataset().items(kLutSequence);
  ASSERT_EQ(items.size(), 2u);
  EXPECT_THAT(items[1].words(kLutData), ElementsAre(1, 65535));
  EXPECT_THAT(items[1].bytes(kLutData), ElementsAre(1, 0, 255, 255));
}

TEST(DicomDataset, BigEndianWordsAreNumbers) {
  ElementWriter dataset(ElementEncoding::kExplicitBig);
  dataset.number(tags::kRows, 0x1234);
  const DicomFile file = DicomFile::from_bytes(test::dicom_file("1.2.840.10008.1.2.2", dataset.bytes()));
  EXPECT_EQ(file.dataset().integer(tags::kRows), 0x1234);
  EXPECT_EQ(file.dataset().text(tags::kRows), "4660");
}

TEST(DicomFile, MovesWithItsDataset) {
  DicomFile first = with_text(kViewPosition, "CS", "PA");
  DicomFile second = std::move(first);
  EXPECT_EQ(second.dataset().text(kViewPosition), "PA");
}

TEST(DicomFile, NamesTheFileThatIsNotThere) {
  EXPECT_FAILURE(DicomFile::open("no/such/film.dcm"), ErrorCode::kNotFound, "film.dcm");
}

}  // namespace
}  // namespace chexworld
