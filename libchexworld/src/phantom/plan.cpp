// SPDX-License-Identifier: Apache-2.0
#include "phantom/plan.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace chexworld::phantom {

namespace {

constexpr double kStays = 0.65;         // a finding until the next study
constexpr double kSecondFinding = 0.2;  // where there is one
constexpr double kPortable = 0.35;      // AP, at the bedside
constexpr double kLateralToo = 0.4;     // of PA studies

std::string date_text(std::chrono::sys_days day) {
  const std::chrono::year_month_day date(day);
  char text[24];
  std::snprintf(text, sizeof text, "%04d%02u%02u", int(date.year()), unsigned(date.month()), unsigned(date.day()));
  return text;
}

class Patient {
 public:
  Patient(const ArchivePlan& plan, int number)
      : plan_(plan),
        number_(number),
        random_({plan.seed, 0, std::uint64_t(number), RandomPurpose::kOther}),
        anatomy_(draw_anatomy(random_, plan.seed * 1'000'003 + std::uint64_t(number))),
        look_(int(random_.below(kLooks))),
        day_(std::chrono::sys_days(std::chrono::year(2019) / 1 / 2) + std::chrono::days(random_.below(1400))),
        born_(day_ - std::chrono::days(anatomy_.age_years * 365 + anatomy_.age_years / 4 + 1 + random_.below(360))) {}

  int studies() { return 1 + int(happens(random_, 0.55)) + int(happens(random_, 0.3)) + int(happens(random_, 0.2)); }

  void next_study(std::vector<PlannedFilm>& films) {
    ++study_;
    if (study_ > 1) day_ += std::chrono::days(6 + random_.below(500));
    follow_up();
    if (happens(random_, 0.3)) look_ = int(random_.below(kLooks));  // another room
    const bool portable = happens(random_, kPortable), lateral = !portable && happens(random_, kLateralToo);
    const std::int64_t minutes = 7 * 60 + random_.below(12 * 60), second = random_.below(60);
    char time[16];
    std::snprintf(time, sizeof time, "%02d%02d%02d", int(minutes / 60), int(minutes % 60), int(second));
    films.push_back(film(portable ? View::kAP : View::kPA, 1, time));
    if (lateral) films.push_back(film(View::kLateral, 2, time));
  }

 private:
  bool has(FindingKind kind) const { return find(findings_, kind) != nullptr; }

  void add_finding() {
    const auto& kinds = plan_.findings;
    if (kinds.empty() || findings_.size() >= kinds.size()) return;
    FindingKind kind = kinds[std::size_t(random_.below(std::int64_t(kinds.size())))];
    while (has(kind)) kind = kinds[std::size_t(random_.below(std::int64_t(kinds.size())))];
    findings_.push_back(draw_finding(random_, kind));
  }

  /// Old findings stay or heal, new ones come so that the share of abnormal studies stays what was asked for.
  void follow_up() {
    const double p = plan_.prevalence, fresh = p * (1 - kStays) / std::max(1e-9, 1 - p * kStays);
    const bool stays = study_ > 1 && !findings_.empty() && happens(random_, kStays);
    if (!stays) findings_.clear();
    for (Finding& finding : findings_)
      finding.extent = std::clamp(finding.extent + uniform_in(random_, {-0.35, 0.35}), 0.0, 1.0);
    if (stays || !happens(random_, study_ > 1 ? fresh : p)) return;
    add_finding();
    if (happens(random_, kSecondFinding)) add_finding();
  }

  PlannedFilm film(View view, int image, const std::string& time) {
    PlannedFilm planned;
    planned.film.anatomy = anatomy_;
    planned.film.pose = draw_pose(random_, view, anatomy_);
    planned.film.findings = findings_;
    planned.film.look = look_;
    planned.film.long_side = plan_.long_side;
    planned.film.seed = anatomy_.seed * 64 + std::uint64_t(study_ * 4 + image);
    planned.patient = number_;
    planned.study = study_;
    planned.image = image;
    planned.study_date = date_text(day_);
    planned.study_time = time;
    planned.birth_date = date_text(born_);
    planned.age_years = age();
    return planned;
  }

  int age() const {
    const std::chrono::year_month_day born(born_), now(day_);
    const bool before = std::pair(now.month(), now.day()) < std::pair(born.month(), born.day());
    return int(now.year()) - int(born.year()) - (before ? 1 : 0);
  }

  const ArchivePlan& plan_;
  int number_;
  StreamRandom random_;
  Anatomy anatomy_;
  int look_;
  std::chrono::sys_days day_, born_;
  int study_ = 0;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<PlannedFilm> plan_archive(const ArchivePlan& plan) {
  std::vector<PlannedFilm> films;
  for (int number = 1; int(films.size()) < plan.films; ++number) {
    Patient patient(plan, number);
    const int studies = patient.studies();
    for (int study = 0; study < studies && int(films.size()) < plan.films; ++study) patient.next_study(films);
  }
  if (int(films.size()) > plan.films) films.resize(std::size_t(plan.films));
  return films;
}

}  // namespace chexworld::phantom
