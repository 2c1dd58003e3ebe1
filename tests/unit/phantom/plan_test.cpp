// SPDX-License-Identifier: Apache-2.0
#include "phantom/plan.h"

#include <gtest/gtest.h>
#include <map>
#include <set>

namespace chexworld::phantom {
namespace {

TEST(PhantomPlan, LongerPlanBeginsWithTheShorterOne) {
  const auto few = plan_archive({.films = 20, .seed = 9}), many = plan_archive({.films = 60, .seed = 9});
  ASSERT_EQ(few.size(), 20U);
  ASSERT_EQ(many.size(), 60U);
  for (std::size_t i = 0; i < few.size(); ++i) {
    EXPECT_EQ(few[i].study_date, many[i].study_date);
    EXPECT_EQ(few[i].film.seed, many[i].film.seed);
    EXPECT_EQ(few[i].film.findings.size(), many[i].film.findings.size());
  }
  EXPECT_NE(plan_archive({.films = 1, .seed = 10})[0].film.seed, few[0].film.seed);
}

TEST(PhantomPlan, ShareOfStudiesWithFindings) {
  for (const double prevalence : {0.0, 0.3, 0.7, 1.0}) {
    std::map<std::pair<int, int>, bool> studies;
    for (const PlannedFilm& film : plan_archive({.films = 4000, .seed = 4, .prevalence = prevalence}))
      studies[{film.patient, film.study}] = !film.film.findings.empty();
    double with = 0;
    for (const auto& [study, has] : studies) with += has;
    EXPECT_NEAR(with / double(studies.size()), prevalence, 0.03);
  }
}

TEST(PhantomPlan, OnlyTheFindingsAskedForAndNoneTwice) {
  ArchivePlan plan{.films = 500, .seed = 2, .prevalence = 0.9};
  plan.findings = {FindingKind::kNodule, FindingKind::kEffusion};
  for (const PlannedFilm& film : plan_archive(plan)) {
    std::set<FindingKind> kinds;
    for (const Finding& finding : film.film.findings) {
      EXPECT_TRUE(finding.kind == FindingKind::kNodule || finding.kind == FindingKind::kEffusion);
      EXPECT_TRUE(kinds.insert(finding.kind).second);
    }
  }
}

TEST(PhantomPlan, PatientsComeAgainOlderAndUnchanged) {
  std::map<int, PlannedFilm> last;
  int again = 0, lateral = 0, portable = 0;
  const auto films = plan_archive({.films = 600, .seed = 3});
  for (const PlannedFilm& film : films) {
    EXPECT_GE(film.age_years, 18);
    EXPECT_LE(film.age_years, 96);
    lateral += film.film.pose.view == View::kLateral;
    portable += film.film.pose.view == View::kAP;
    if (const auto before = last.find(film.patient); before != last.end()) {
      EXPECT_EQ(before->second.film.anatomy.width, film.film.anatomy.width);
      EXPECT_EQ(before->second.birth_date, film.birth_date);
      EXPECT_LE(before->second.study_date, film.study_date);
      EXPECT_LE(before->second.age_years, film.age_years);
      again += before->second.study < film.study;
    }
    last.insert_or_assign(film.patient, film);
  }
  EXPECT_GT(again, 100);
  EXPECT_GT(lateral, 60);
  EXPECT_GT(portable, 100);
}

TEST(PhantomPlan, UnknownFindingIsNamed) {
  try {
    finding_from("fracture");
    FAIL();
  } catch (const std::exception& error) {
    EXPECT_NE(std::string(error.what()).find("fracture"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("pneumothorax"), std::string::npos);
  }
}

}  // namespace
}  // namespace chexworld::phantom
