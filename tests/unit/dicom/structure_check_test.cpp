// SPDX-License-Identifier: Apache-2.0
#include "dicom/structure_check.h"

#include "dicom/dicom_file.h"
#include "failing.h"
#include "support/dicom_shell.h"

namespace chexworld {
namespace {

using test::Bytes;
using test::ElementWriter;
using test::kUndefined;
using test::native_file;

constexpr DicomTag kSequence{0x0008, 0x1140};
constexpr DicomTag kText{0x0008, 0x1030};
constexpr DicomTag kPrivate{0x0029, 0x1010};
const Deadline kNoHurry{std::chrono::hours(1)};

DatasetStructure check(const ElementWriter& dataset, ElementEncoding encoding, const DecodeLimits& limits = {}) {
  return check_structure(dataset.bytes(), encoding, limits, kNoHurry);
}

/// `depth` sequences of undefined length inside one another.
ElementWriter nested(ElementEncoding encoding, int depth) {
  ElementWriter dataset(encoding);
  for (int i = 0; i < depth; ++i) {
    dataset.header(kSequence, "SQ", kUndefined);
    dataset.item(tags::kItem, kUndefined);
  }
  for (int i = 0; i < depth; ++i) {
    dataset.item(tags::kItemDelimitation, 0);
    dataset.item(tags::kSequenceDelimitation, 0);
  }
  return dataset;
}

/// The same with lengths; each level is built around the one before.
ElementWriter nested_with_lengths(ElementEncoding encoding, DicomTag tag, int depth) {
  Bytes inner;
  for (int i = 0; i < depth; ++i) {
    ElementWriter level(encoding);
    level.header(tag, "SQ", std::uint32_t(inner.size() + 8));
    level.item(tags::kItem, std::uint32_t(inner.size()));
    level.raw(inner);
    inner = level.bytes();
  }
  ElementWriter dataset(encoding);
  dataset.raw(inner);
  return dataset;
}

constexpr ElementEncoding kEncodings[] = {ElementEncoding::kImplicitLittle, ElementEncoding::kExplicitLittle,
                                          ElementEncoding::kExplicitBig};

TEST(StructureCheck, MeasuresNestingInEveryEncoding) {
  for (const ElementEncoding encoding : kEncodings) {
    EXPECT_EQ(check(nested(encoding, 5), encoding).deepest, 5u);
    EXPECT_EQ(check(nested_with_lengths(encoding, kSequence, 5), encoding).deepest, 5u);
  }
}

TEST(StructureCheck, StopsAtTheNestingLimit) {
  const DecodeLimits limits{.max_nesting = 4};
  for (const ElementEncoding encoding : kEncodings) {
    EXPECT_EQ(check(nested(encoding, 4), encoding, limits).deepest, 4u);
    EXPECT_FAILURE(check(nested(encoding, 5), encoding, limits), ErrorCode::kTooLarge, "more than 4 sequences");
    EXPECT_FAILURE(check(nested_with_lengths(encoding, kSequence, 5), encoding, limits), ErrorCode::kTooLarge,
                   "more than 4 sequences");
  }
}

TEST(StructureCheck, LooksIntoPrivateSequencesWithoutVr) {
  const auto encoding = ElementEncoding::kImplicitLittle;
  EXPECT_FAILURE(check(nested_with_lengths(encoding, kPrivate, 5), encoding, {.max_nesting = 4}), ErrorCode::kTooLarge,
                 "(0029,1010)");
}

TEST(StructureCheck, AHundredThousandLevelsDoNotOverflowTheStack) {
  ElementWriter dataset(ElementEncoding::kExplicitLittle);
  for (int i = 0; i < 100000; ++i) {
    dataset.header(kSequence, "SQ", kUndefined);
    dataset.item(tags::kItem, kUndefined);
  }
  EXPECT_FAILURE(check(dataset, ElementEncoding::kExplicitLittle), ErrorCode::kTooLarge, "sequences");
}

TEST(StructureCheck, CountsElements) {
  ElementWriter dataset(ElementEncoding::kExplicitLittle);
  for (int i = 0; i < 10; ++i) dataset.number({0x0011, std::uint16_t(i)}, 1);
  EXPECT_EQ(check(dataset, ElementEncoding::kExplicitLittle).elements, 10u);
  EXPECT_FAILURE(check(dataset, ElementEncoding::kExplicitLittle, {.max_elements = 9}), ErrorCode::kTooLarge,
                 "more than 9 elements");
}

TEST(StructureCheck, LengthsMustStayInTheFile) {
  ElementWriter dataset(ElementEncoding::kExplicitLittle);
  dataset.header(kText, "LO", 100);
  dataset.raw("short ");
  EXPECT_FAILURE(check(dataset, ElementEncoding::kExplicitLittle), ErrorCode::kMalformed,
                 "(0008,1030) says it has 100 bytes, but only 6 are left");
}

TEST(StructureCheck, ItemsMustStayInTheirSequence) {
  ElementWriter dataset(ElementEncoding::kExplicitLittle);
  dataset.header(kSequence, "SQ", 8);
  dataset.item(tags::kItem, 16);
  dataset.raw(Bytes(16));
  EXPECT_FAILURE(check(dataset, ElementEncoding::kExplicitLittle), ErrorCode::kMalformed, "(fffe,e000)");
}

TEST(StructureCheck, NamesWhatIsNotClosed) {
  ElementWriter sequence(ElementEncoding::kExplicitLittle);
  sequence.header(kSequence, "SQ", kUndefined);
  EXPECT_FAILURE(check(sequence, ElementEncoding::kExplicitLittle), ErrorCode::kMalformed,
                 "(0008,1140) is never closed");
  ElementWriter pixels(ElementEncoding::kExplicitLittle);
  pixels.header(tags::kPixelData, "OB", kUndefined);
  pixels.item(tags::kItem, 0);
  EXPECT_FAILURE(check(pixels, ElementEncoding::kExplicitLittle), ErrorCode::kMalformed, "(7fe0,0010) is never closed");
}

TEST(StructureCheck, OnlySequencesMayHaveUndefinedLength) {
  ElementWriter dataset(ElementEncoding::kExplicitLittle);
  dataset.header(kText, "UT", kUndefined);
  EXPECT_FAILURE(check(dataset, ElementEncoding::kExplicitLittle), ErrorCode::kMalformed, "undefined length");
}

TEST(StructureCheck, UnknownValueRepresentationIsNotGuessed) {
  ElementWriter dataset(ElementEncoding::kExplicitLittle);
  dataset.header(kText, "ZZ", 2);
  dataset.raw("a ");
  EXPECT_FAILURE(check(dataset, ElementEncoding::kExplicitLittle), ErrorCode::kMalformed, "value representation");
}

TEST(StructureCheck, FindsPixelDataOnlyAtTheTop) {
  ElementWriter item(ElementEncoding::kExplicitLittle);
  item.value(tags::kPixelData, "OW", Bytes(6));
  ElementWriter dataset(ElementEncoding::kExplicitLittle);
  dataset.header({0x0088, 0x0200}, "SQ", std::uint32_t(item.bytes().size() + 8));
  dataset.item(tags::kItem, std::uint32_t(item.bytes().size()));
  dataset.raw(item.bytes());
  EXPECT_FALSE(check(dataset, ElementEncoding::kExplicitLittle).pixel_data);
  const std::size_t before = dataset.bytes().size();
  dataset.value(tags::kPixelData, "OW", Bytes(10));
  const auto found = check(dataset, ElementEncoding::kExplicitLittle).pixel_data;
  ASSERT_TRUE(found);
  EXPECT_EQ(found->value.offset, before + 12);
  EXPECT_EQ(found->value.length, 10u);
  dataset.value(tags::kPixelData, "OW", Bytes(10));
  EXPECT_FAILURE(check(dataset, ElementEncoding::kExplicitLittle), ErrorCode::kMalformed, "twice");
}

TEST(StructureCheck, LeavesOversizedValuesOut) {
  ElementWriter dataset(ElementEncoding::kExplicitLittle);
  dataset.value({0x0009, 0x1001}, "OB", Bytes(100));
  dataset.number(tags::kRows, 3);
  const auto structure = check(dataset, ElementEncoding::kExplicitLittle, {.max_element_bytes = 99});
  EXPECT_THAT(structure.left_out, testing::ElementsAre(DicomTag{0x0009, 0x1001}));
  ASSERT_EQ(structure.header.size(), 1u);
  EXPECT_EQ(structure.header[0].length, 10u);
}

TEST(StructureCheck, TrailingZerosArePadding) {
  ElementWriter dataset(ElementEncoding::kExplicitLittle);
  dataset.number(tags::kRows, 3);
  dataset.raw(Bytes(13));
  EXPECT_EQ(check(dataset, ElementEncoding::kExplicitLittle).elements, 1u);
}

TEST(StructureCheck, EveryCutOfAFileFailsOrReads) {
  const Bytes whole = native_file({.rows = 2, .columns = 2}, "1.2.840.10008.1.2.1", Bytes(8));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const Bytes cut(whole.begin(), whole.begin() + std::ptrdiff_t(length));
    const auto result = capture([&] { return DicomFile::from_view(cut).has_pixel_data(); });
    EXPECT_TRUE(!result.ok() || !*result) << length;
  }
}

TEST(FileMeta, FilesWithoutItAreRecognised) {
  for (const ElementEncoding encoding : kEncodings) {
    ElementWriter dataset = test::image_dataset({}, encoding);
    EXPECT_EQ(guess_encoding(dataset.bytes()), encoding);
    EXPECT_FALSE(read_file_meta(dataset.bytes()).present);
  }
  const std::string text = "neither DICOM nor anything else, but long enough to be one.";
  EXPECT_EQ(guess_encoding(std::as_bytes(std::span(text))), std::nullopt);
}

TEST(FileMeta, UnknownTransferSyntaxIsNamed) {
  EXPECT_FAILURE(DicomFile::from_bytes(test::dicom_file("1.2.3.4", test::image_dataset({}, kEncodings[1]).bytes())),
                 ErrorCode::kUnsupported, "1.2.3.4");
}

}  // namespace
}  // namespace chexworld
