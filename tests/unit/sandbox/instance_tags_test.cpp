// SPDX-License-Identifier: Apache-2.0
#include "dicom/instance_tags.h"
#include "unit/sandbox/made_radiograph.h"

#include <gmock/gmock.h>

namespace chexworld {
namespace {

using namespace std::chrono_literals;
using test::made_radiograph;

InstanceTags tags_of(const std::vector<std::pair<DicomTag, std::string>>& patient, const std::string& key = "secret") {
  return read_instance_tags(DicomFile::from_bytes(made_radiograph("CR", patient)), key);
}

TEST(InstanceTags, SayWhichObjectItIs) {
  const InstanceTags tags = tags_of({{test::kPatientSex, "F"}, {test::kPatientAge, "045Y"}});
  EXPECT_EQ(tags.sop_instance_uid, "1.2.3.4");
  EXPECT_EQ(tags.series_instance_uid, "1.2.3.9");
  EXPECT_EQ(tags.study_instance_uid, "1.2.3");
  EXPECT_EQ(tags.view_position, "PA");
  EXPECT_EQ(tags.sex, "F");
  EXPECT_EQ(tags.institution, "Hospital ?");
  EXPECT_EQ(tags.device, "Maker Model 1");
  EXPECT_EQ(tags.date, 2020y / 3 / 1);
  EXPECT_EQ(tags.age_years, 45.0);
}

TEST(InstanceTags, HideThePatientBehindAKeyedHash) {
  const std::string one = tags_of({{test::kPatientId, "CHEST7"}}).patient_key;
  EXPECT_EQ(one.size(), 32u);
  EXPECT_THAT(one, testing::Not(testing::HasSubstr("CHEST7")));
  EXPECT_EQ(one, tags_of({{test::kPatientId, "CHEST7"}}).patient_key);
  EXPECT_NE(one, tags_of({{test::kPatientId, "CHEST8"}}).patient_key);
  EXPECT_NE(one, tags_of({{test::kPatientId, "CHEST7"}}, "other secret").patient_key);
  EXPECT_EQ(tags_of({{test::kPatientId, "CHEST7"}}, "").patient_key, "");
  EXPECT_EQ(tags_of({}).patient_key, "");
}

TEST(InstanceTags, TakeTheAgeFromTheBirthDateWhereItIsNotStated) {
  EXPECT_NEAR(tags_of({{test::kPatientBirthDate, "19700301"}}).age_years.value(), 50, 0.01);
  EXPECT_NEAR(tags_of({{test::kPatientAge, "006M"}}).age_years.value(), 0.5, 1e-9);
}

TEST(InstanceTags, LeaveOutWhatCannotBe) {
  EXPECT_EQ(tags_of({{test::kPatientAge, "999Y"}}).age_years, std::nullopt);
  EXPECT_EQ(tags_of({{test::kPatientAge, "-12Y"}}).age_years, std::nullopt);
  EXPECT_EQ(tags_of({{test::kPatientBirthDate, "20211332"}}).age_years, std::nullopt);
  EXPECT_EQ(tags_of({{test::kPatientBirthDate, "21000101"}}).age_years, std::nullopt);
  EXPECT_EQ(tags_of({{test::kPatientSex, "Jane"}}).sex, "");
}

}  // namespace
}  // namespace chexworld
