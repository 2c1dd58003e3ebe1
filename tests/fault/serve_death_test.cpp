// SPDX-License-Identifier: Apache-2.0
//
// The worker killed or told to end while clients post: what was acknowledged is there. CHEXWORLD_KILLS says how often.
#include "serve_load.h"

#include <csignal>
#include <gmock/gmock.h>
#include <random>

namespace chexworld::test {
namespace {

class ServeDeath : public testing::Test {
 protected:
  /// Posts a film of its own number; ends when nobody answers any more.
  bool post(HttpClient& client, int step) {
    const int film = first_ + step;
    const std::string target = "/v1/instances?server=s&orthanc-instance=" + std::to_string(film);
    const ClientAnswer answer = client.post(target, film_bytes(film));
    if (answer.status == 200) told_.acknowledge(film);
    if (answer.status != 200 && answer.status != 503 && answer.status != 0) told_.complain(answer.body);
    return answer.status != 0;
  }

  void expect_all_there() {
    HttpClient client = server_.client();
    for (const int film : told_.acknowledged())
      EXPECT_EQ(client.get("/v1/instances/" + film_uid(film)).status, 200) << "film " << film << " is lost";
    EXPECT_THAT(told_.complaints(), testing::IsEmpty());
    EXPECT_GE(client.get("/v1/status").json()["coverage"]["with_result"], told_.acknowledged().size());
  }

  WorkerModels models_{1};
  WorkerServer server_{{"--model", models_.path(0).string(), "--precision", "f32", "--streams", "1"}};
  Told told_;
  int first_ = 0;
};

TEST_F(ServeDeath, NothingAcknowledgedIsLostWhenItIsKilled) {
  std::mt19937 random{unsigned(setting("CHEXWORLD_SEED", 1))};
  for (std::uint64_t kill = setting("CHEXWORLD_KILLS", 4); kill > 0; --kill) {
    const std::vector<pid_t> decoders = server_.children();
    const std::size_t enough = told_.acknowledged().size() + std::uniform_int_distribution<std::size_t>(1, 40)(random);
    Load load(server_, 3, [&](HttpClient& client, int step) { return post(client, step); });
    EXPECT_TRUE(wait_until([&] { return told_.acknowledged().size() >= enough; }, std::chrono::seconds(60)));
    EXPECT_EQ(server_.stop(SIGKILL), 128 + SIGKILL);
    load.stop();
    first_ += load.steps();
    for (const pid_t decoder : decoders)
      EXPECT_TRUE(wait_until([&] { return ::kill(decoder, 0) != 0; }, std::chrono::seconds(10))) << "an orphan is left";
    server_.start();
    ASSERT_TRUE(server_.running()) << server_.log();
  }
  expect_all_there();
}

TEST_F(ServeDeath, DrainsWhatItAccepted) {
  Load load(server_, 4, [&](HttpClient& client, int step) { return post(client, step); });
  ASSERT_TRUE(wait_until([&] { return told_.acknowledged().size() >= 20; }, std::chrono::seconds(60)));
  for (int film = 100'000; film < 100'010; ++film) {  // accepted, not waited for
    HttpClient client = server_.client();
    const std::string target = "/v1/instances?wait=false&server=s&orthanc-instance=" + std::to_string(film);
    if (client.post(target, film_bytes(film)).status == 202) told_.acknowledge(film);
  }
  EXPECT_EQ(server_.stop(SIGTERM), 0) << server_.log();
  load.stop();
  EXPECT_THAT(server_.log(), testing::HasSubstr("everything accepted was answered"));
  server_.start();
  expect_all_there();
}

}  // namespace
}  // namespace chexworld::test
