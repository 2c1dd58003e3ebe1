// SPDX-License-Identifier: Apache-2.0
//
// Models swapped and broken bundles offered while clients post: no request fails, every answer is of the model it
// names. CHEXWORLD_SWAPS says how often.
#include "serve_load.h"
#include "support/broken_bundles.h"
#include "support/sanitized.h"

#include <cstring>
#include <gmock/gmock.h>

namespace chexworld::test {
namespace {

constexpr int kFilms = 4;

std::vector<float> floats_of(const std::string& bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

class ServeModels : public testing::Test {
 protected:
  /// Posts a film: every other time to be kept, else to be compared with what the model named makes of it.
  bool post(HttpClient& client, int step) {
    const int film = step / 2 % kFilms;
    const ClientAnswer answer =
        step % 2 == 0 ? client.post("/v1/instances", films_[std::size_t(film)])
                      : client.post("/v1/embed", films_[std::size_t(film)], {{"Accept", "application/octet-stream"}});
    if (answer.status != 200) {
      told_.complain("status " + std::to_string(answer.status) + ": " + answer.body);
    } else if (step % 2 == 1 &&
               models_.difference(answer.headers.at("x-chexworld-model"), film, floats_of(answer.body)) > 1e-3) {
      told_.complain("an embedding that the model it names does not make");
    }
    return true;
  }

  std::string active() { return client_.get("/v1/models/active").json()["model_id"]; }

  WorkerModels models_{3, kFilms};
  std::vector<std::string> films_{film_bytes(0), film_bytes(1), film_bytes(2), film_bytes(3)};
  WorkerServer server_{{"--model", models_.path(0).string(), "--precision", "f32", "--streams", "1"}};
  HttpClient client_ = server_.client();
  Told told_;
};

TEST_F(ServeModels, SwapsUnderLoadFailNoRequest) {
  for (std::size_t i = 1; i < models_.count(); ++i)
    ASSERT_EQ(client_.post("/v1/models", text_of(models_.path(i))).status, 201);
  const auto swaps = std::size_t(setting("CHEXWORLD_SWAPS", 15));
  Load load(server_, 3, [&](HttpClient& client, int step) { return post(client, step); });
  std::uint64_t settled = 0;
  for (std::size_t i = 1; i <= swaps; ++i) {
    const std::string id = models_.id(i % models_.count());
    const ClientAnswer answer =
        client_.ask("PUT", "/v1/models/active", Json{{"model_id", id}, {"reembed", false}}.dump());
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.json()["model_id"], id);
    if (i == swaps / 2) settled = server_.resident_bytes();
  }
  const std::uint64_t grown = server_.resident_bytes();
  load.stop();
  std::printf("%zu swaps, %d requests, resident %.0f MiB half way, %.0f MiB at the end\n", swaps, load.steps(),
              double(settled) / (1 << 20), double(grown) / (1 << 20));
  EXPECT_THAT(told_.complaints(), testing::IsEmpty());
  EXPECT_EQ(client_.get("/v1/status").json()["pipeline"]["switches"], swaps);
  if (!kSanitized) {
    EXPECT_LT(double(grown), double(settled) + (64 << 20));
  }
  for (int film = 0; film < kFilms; ++film)  // what was kept is of the model it is filed under
    for (std::size_t model = 0; model < models_.count(); ++model) {
      const ClientAnswer kept =
          client_.get("/v1/instances/" + film_uid(film) + "/embedding?model-id=" + models_.id(model),
                      {{"Accept", "application/octet-stream"}});
      if (kept.status != 200) continue;
      EXPECT_LT(models_.difference(models_.id(model), film, floats_of(kept.body)), 2e-3);
    }
}

TEST_F(ServeModels, BrokenBundlesAreRefusedAndLeaveNothing) {
  const std::vector<BrokenBundle> offers = broken_bundles(models_.id(0));
  ASSERT_GE(offers.size(), 40u);
  Load load(server_, 1, [&](HttpClient& client, int step) { return post(client, step); });
  for (const BrokenBundle& offer : offers) {
    const std::string id = offer.expected_id.empty() ? "" : "&model-id=" + offer.expected_id;
    const ClientAnswer answer = client_.post("/v1/models?activate=true" + id, offer.bytes);
    EXPECT_EQ(answer.status / 100, 4) << offer.name << ": " << answer.body;
    EXPECT_NE(answer.json()["error"]["message"].get<std::string>(), "") << offer.name;
    EXPECT_EQ(active(), models_.id(0)) << offer.name;
  }
  load.stop();
  EXPECT_THAT(told_.complaints(), testing::IsEmpty());
  EXPECT_EQ(client_.get("/v1/models").json()["models"].size(), 1u);
  EXPECT_TRUE(std::filesystem::is_empty(server_.data() / "models" / "incoming"));
  EXPECT_EQ(client_.post("/v1/models?activate=true", unbroken_bundle()).status, 201);
}

}  // namespace
}  // namespace chexworld::test
