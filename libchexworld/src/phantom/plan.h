// SPDX-License-Identifier: Apache-2.0
//
// A made-up archive: patients who come once or several times, with findings that come and go.
#pragma once

#include "phantom/film.h"

#include <string>
#include <vector>

namespace chexworld::phantom {

struct ArchivePlan {
  int films = 100;
  std::uint64_t seed = 1;
  double prevalence = 0.5;  ///< share of studies with a finding
  int long_side = 1024;     ///< pixels
  std::vector<FindingKind> findings{std::begin(kFindingKinds), std::end(kFindingKinds)};
};

struct PlannedFilm {
  FilmPlan film;
  int patient = 0, study = 0, image = 0;  ///< from 1; studies count within the patient, images within the study
  int age_years = 0;                      ///< at the study
  std::string study_date;                 ///< YYYYMMDD
  std::string study_time;                 ///< HHMMSS
  std::string birth_date;
};

/// A pure function of its argument; the films of a longer plan begin with those of a shorter one.
std::vector<PlannedFilm> plan_archive(const ArchivePlan& plan);

}  // namespace chexworld::phantom
