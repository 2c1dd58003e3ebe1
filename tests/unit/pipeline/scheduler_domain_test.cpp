// SPDX-License-Identifier: Apache-2.0
//
// Heads that do not answer for every film.
#include "base/failure.h"
#include "pipeline/film_facts.h"
#include "stand_ins.h"

#include <gmock/gmock.h>

namespace chexworld::test {
namespace {

constexpr SchedulerOptions kOptions{.latency_budget = std::chrono::milliseconds(1), .decoders = 1, .streams = 1};

RadiographResult result_of(const StandInModel& model, std::uint8_t value) {
  Bench bench(kOptions, make_model(model));
  bench.submit(make_item(Command::kFilm, value));
  bench.scheduler->drain();
  return bench.outcomes().at(0).result.value();
}

TEST(SchedulerDomain, WithoutOneEveryFilmIsAnswered) {
  const RadiographResult result = result_of({.labels = {"Effusion", "Mass"}}, 1);
  EXPECT_FALSE(result.abstained);
  ASSERT_EQ(result.findings.size(), 2u);
  EXPECT_EQ(result.findings[1].probability, 0.75);
  EXPECT_TRUE(result.findings[1].present());
}

TEST(SchedulerDomain, OutsideItTheEmbeddingStaysAndNoProbabilityIsGiven) {
  const RadiographResult result = result_of({.labels = {"Effusion"}, .domain = BundleDomain{{"PA"}, {}}}, 1);
  EXPECT_EQ(result.embedding, (std::vector<float>{1, 1, 1}));
  ASSERT_TRUE(result.abstained);
  EXPECT_EQ(result.abstained->reason, "view-outside");
  ASSERT_EQ(result.findings.size(), 1u);
  EXPECT_EQ(result.findings[0].name, "Effusion");
  EXPECT_EQ(result.findings[0].probability, std::nullopt);
  EXPECT_FALSE(result.findings[0].present());
}

TEST(SchedulerDomain, EachFilmIsJudgedAlone) {
  StandInModel model{.labels = {"Effusion"}, .domain = BundleDomain{}};
  model.domain->brightness = {0, 1};  // the stand-in's pixels are value * 0.229 bright
  Bench bench(kOptions, make_model(model));
  for (std::uint8_t value = 0; value < 10; ++value) bench.submit(make_item(Command::kFilm, value));
  bench.scheduler->drain();
  for (const PipelineOutcome& outcome : bench.outcomes()) {
    const bool inside = std::stoi(outcome.attributes.at("value")) <= 4;
    EXPECT_EQ(outcome.result->abstained.has_value(), !inside);
    EXPECT_EQ(outcome.result->findings[0].probability.has_value(), inside);
  }
}

TEST(SchedulerDomain, MeansNothingToAModelWithoutFindings) {
  EXPECT_FALSE(result_of({.domain = BundleDomain{{"PA"}, {}}}, 1).abstained);
}

TEST(FilmFacts, SpeakTheWordsOfBundles) {
  const auto view = [](View seen, Projection projection) {
    GateVerdict gate;
    gate.view = seen;
    gate.projection = projection;
    return film_facts(gate, {QualityNote::kTooSmall}, {}, {}, {}).view;
  };
  EXPECT_EQ(view(View::kFrontal, Projection::kPosteroAnterior), "PA");
  EXPECT_EQ(view(View::kFrontal, Projection::kAnteroPosterior), "AP");
  EXPECT_EQ(view(View::kFrontal, Projection::kUnknown), "frontal");
  EXPECT_EQ(view(View::kLateral, Projection::kUnknown), "lateral");
  EXPECT_EQ(view(View::kUnknown, Projection::kUnknown), "unknown");
  EXPECT_EQ(film_facts({}, {QualityNote::kTooSmall}, {}, {}, {}).quality, std::vector<std::string>{"too-small"});
  EXPECT_EQ(film_facts({}, {}, {}, {}, {}).brightness, std::nullopt) << "nobody asks for it";
}

TEST(FilmFacts, ADomainMayOnlyRefuseMarksThatExist) {
  require_known_notes({{}, {"near-constant", "doubtful"}});
  const auto refused = capture([] { require_known_notes({{}, {"near-constnat"}}); });
  EXPECT_EQ(refused.error().code(), ErrorCode::kUnsupported);
  EXPECT_THAT(refused.error().message(), testing::HasSubstr("near-constnat"));
}

}  // namespace
}  // namespace chexworld::test
