// SPDX-License-Identifier: Apache-2.0
#include "dicom/grayscale_attributes.h"
#include "dicom/dicom_file.h"
#include "support/dicom_shell.h"

#include <gmock/gmock.h>
#include <string>

namespace chexworld {
namespace {

using test::ElementWriter;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr DicomTag kPhotometric{0x0028, 0x0004};
constexpr DicomTag kPadding{0x0028, 0x0120};
constexpr DicomTag kPaddingLimit{0x0028, 0x0121};
constexpr DicomTag kCenter{0x0028, 0x1050};
constexpr DicomTag kWidth{0x0028, 0x1051};
constexpr DicomTag kIntercept{0x0028, 0x1052};
constexpr DicomTag kSlope{0x0028, 0x1053};
constexpr DicomTag kFunction{0x0028, 0x1056};
constexpr DicomTag kModalityLut{0x0028, 0x3000};
constexpr DicomTag kDescriptor{0x0028, 0x3002};
constexpr DicomTag kLutData{0x0028, 0x3006};
constexpr DicomTag kVoiLut{0x0028, 0x3010};
constexpr DicomTag kShape{0x2050, 0x0020};

/// Elements in ascending order, read as one data set.
class Object {
 public:
  Object& text(DicomTag tag, std::string_view vr, const std::string& value) {
    writer_.text(tag, vr, value);
    return *this;
  }
  Object& number(DicomTag tag, int value) {
    writer_.number(tag, std::uint16_t(value));
    return *this;
  }
  /// One item with a descriptor and data of 16-bit words.
  Object& table(DicomTag sequence, const std::vector<int>& descriptor, const std::vector<int>& data) {
    ElementWriter item(ElementEncoding::kExplicitLittle);
    item.value(kDescriptor, "US", words(descriptor));
    if (!data.empty()) item.value(kLutData, "OW", words(data));
    ElementWriter items(ElementEncoding::kExplicitLittle);
    items.item(tags::kItem, std::uint32_t(item.bytes().size()));
    items.raw(item.bytes());
    writer_.value(sequence, "SQ", items.bytes());
    return *this;
  }
  ReadGrayscaleAttributes read(bool is_signed = false) const {
    const DicomFile file = DicomFile::from_bytes(test::dicom_file("1.2.840.10008.1.2.1", writer_.bytes()));
    return read_grayscale_attributes(file.dataset(), is_signed);
  }

 private:
  static test::Bytes words(const std::vector<int>& values) {
    ElementWriter writer(ElementEncoding::kExplicitLittle);
    for (const int value : values) writer.u16(std::uint16_t(value));
    return writer.bytes();
  }
  ElementWriter writer_{ElementEncoding::kExplicitLittle};
};

TEST(GrayscaleAttributes, SeveralWindowsInOddSpellings) {
  const auto read =
      Object().text(kCenter, "DS", "+2048 \\ 1.2E+03\\3000").text(kWidth, "DS", "4096\\1500.5\\.5e4").read();
  ASSERT_EQ(read.attributes.windows.size(), 3U);
  EXPECT_EQ(read.attributes.windows[0].center, 2048);
  EXPECT_EQ(read.attributes.windows[1].center, 1200);
  EXPECT_EQ(read.attributes.windows[1].width, 1500.5);
  EXPECT_EQ(read.attributes.windows[2].width, 5000);
  EXPECT_THAT(read.doubts, IsEmpty());
}

TEST(GrayscaleAttributes, UnusableWindowsAreLeftOutAndTold) {
  for (const std::string width : {"0", "-5", "nan", "inf", "1e400", "wide"}) {
    const auto read = Object().text(kCenter, "DS", "100\\200").text(kWidth, "DS", width + "\\50").read();
    ASSERT_EQ(read.attributes.windows.size(), 1U) << width;
    EXPECT_EQ(read.attributes.windows[0].center, 200);
    EXPECT_THAT(read.doubts, ElementsAre(HasSubstr("window 1"))) << width;
  }
  EXPECT_THAT(Object().text(kCenter, "DS", "100").read().doubts, ElementsAre(HasSubstr("differ in number")));
}

TEST(GrayscaleAttributes, FunctionAppliesToEveryWindow) {
  const auto read =
      Object().text(kCenter, "DS", "1\\2").text(kWidth, "DS", "0.5\\9").text(kFunction, "CS", "SIGMOID").read();
  ASSERT_EQ(read.attributes.windows.size(), 2U);  // widths below 1 are fine here
  EXPECT_EQ(read.attributes.windows[1].function, VoiFunction::kSigmoid);
  const auto odd = Object().text(kCenter, "DS", "1").text(kWidth, "DS", "9").text(kFunction, "CS", "CUBIC").read();
  EXPECT_EQ(odd.attributes.windows.at(0).function, VoiFunction::kLinear);
  EXPECT_THAT(odd.doubts, ElementsAre(HasSubstr("(0028,1056)")));
}

TEST(GrayscaleAttributes, RescaleThatIsNoNumberOrZeroIsLeftOut) {
  const auto good = Object().text(kIntercept, "DS", "-500").text(kSlope, "DS", "2.5").read();
  EXPECT_EQ(good.attributes.rescale_slope, 2.5);
  EXPECT_EQ(good.attributes.rescale_intercept, -500);
  for (const std::string slope : {"0", "slope"}) {
    const auto read = Object().text(kSlope, "DS", slope).read();
    EXPECT_EQ(read.attributes.rescale_slope, 1) << slope;
    EXPECT_THAT(read.doubts, ElementsAre(HasSubstr("(0028,1053)"))) << slope;
  }
}

TEST(GrayscaleAttributes, TablesInWordsAndPackedBytes) {
  const auto words = Object().table(kVoiLut, {4, 10, 8}, {1, 2, 3, 255}).read();
  EXPECT_THAT(words.attributes.voi_luts.at(0).entries, ElementsAre(1, 2, 3, 255));
  EXPECT_EQ(words.attributes.voi_luts.at(0).first_mapped, 10);
  const auto packed = Object().table(kVoiLut, {4, 10, 8}, {0x0201, 0xff03}).read();
  EXPECT_THAT(packed.attributes.voi_luts.at(0).entries, ElementsAre(1, 2, 3, 255));
  const auto modality = Object().table(kModalityLut, {2, 0, 16}, {7, 65535}).read();
  ASSERT_TRUE(modality.attributes.modality_lut);
  EXPECT_THAT(modality.attributes.modality_lut->entries, ElementsAre(7, 65535));
}

TEST(GrayscaleAttributes, FirstMappedValueIsSignedWhereItsInputIs) {
  const Object object = Object().table(kVoiLut, {2, 0xfff6, 8}, {0, 255});
  EXPECT_EQ(object.read(true).attributes.voi_luts.at(0).first_mapped, -10);
  EXPECT_EQ(object.read(false).attributes.voi_luts.at(0).first_mapped, 65526);
  const auto below_zero = Object().text(kIntercept, "DS", "-1024").table(kVoiLut, {2, 0xfff6, 8}, {0, 255}).read();
  EXPECT_EQ(below_zero.attributes.voi_luts.at(0).first_mapped, -10);
}

TEST(GrayscaleAttributes, ZeroEntriesMean65536) {
  const auto read = Object().table(kVoiLut, {0, 0, 16}, std::vector<int>(65536, 9)).read();
  EXPECT_EQ(read.attributes.voi_luts.at(0).entries.size(), 65536U);
}

TEST(GrayscaleAttributes, BrokenTablesAreLeftOutAndTold) {
  for (const Object& object : {Object().table(kVoiLut, {0, 0, 16}, {1, 2, 3}), Object().table(kVoiLut, {2, 0, 16}, {}),
                               Object().table(kVoiLut, {2}, {1, 2}), Object().table(kVoiLut, {2, 0, 0}, {1, 2}),
                               Object().table(kVoiLut, {2, 0, 17}, {1, 2})}) {
    const auto read = object.read();
    EXPECT_THAT(read.attributes.voi_luts, IsEmpty());
    EXPECT_THAT(read.doubts, ElementsAre(HasSubstr("VOI LUT left out")));
  }
}

TEST(GrayscaleAttributes, PaddingHasTheSignOfThePixels) {
  const Object object = Object().number(kPadding, 0xf830).number(kPaddingLimit, 0xf82e);
  const auto below = object.read(true).attributes.padding, above = object.read(false).attributes.padding;
  ASSERT_TRUE(below && above);
  EXPECT_EQ(below->first, -2002);
  EXPECT_EQ(below->last, -2000);
  EXPECT_EQ(above->first, 63534);
  EXPECT_FALSE(Object().text(kSlope, "DS", "1").read().attributes.padding);
}

TEST(GrayscaleAttributes, ShapeDecidesInversionElseMonochrome1) {
  const auto inverted = [](const std::string& photometric, const std::string& shape) {
    Object object;
    object.text(kPhotometric, "CS", photometric);
    if (!shape.empty()) object.text(kShape, "CS", shape);
    return object.read();
  };
  EXPECT_TRUE(inverted("MONOCHROME1", "").attributes.inverted);
  EXPECT_FALSE(inverted("MONOCHROME2", "").attributes.inverted);
  EXPECT_TRUE(inverted("MONOCHROME1", "INVERSE").attributes.inverted);
  EXPECT_THAT(inverted("MONOCHROME1", "INVERSE").doubts, IsEmpty());
  EXPECT_TRUE(inverted("MONOCHROME2", "INVERSE").attributes.inverted);
  EXPECT_THAT(inverted("MONOCHROME2", "INVERSE").doubts, ElementsAre(HasSubstr("(2050,0020)")));
  EXPECT_FALSE(inverted("MONOCHROME1", "IDENTITY").attributes.inverted);
}

}  // namespace
}  // namespace chexworld
