// SPDX-License-Identifier: Apache-2.0
//
// What Orthanc answers with the plugin: similar cases with Orthanc's ids, uploads that stream, an honest word while the
// worker is down, models handed over while studies arrive.
#include "plugin_flow.h"
#include "support/worker_server.h"

#include <csignal>
#include <fstream>
#include <gmock/gmock.h>
#include <thread>

namespace chexworld::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class PluginRoutes : public PluginFlow {
 protected:
  static std::string tag(const OrthancServer& orthanc, const std::string& path, const char* name) {
    return json_from(orthanc.get(path)).value("/MainDicomTags"_json_pointer, Json::object()).value(name, "");
  }
  static std::string study_of(const OrthancServer& orthanc, const std::string& instance) {
    return json_from(orthanc.get("/instances/" + instance + "/study")).value("ID", "");
  }
  static std::string text(const Json& json, const char* key) { return json.at(key).get<std::string>(); }
  /// Searches know what was stored a moment ago once the index has seen it.
  static bool indexed(const OrthancServer& orthanc, const std::string& instance, std::size_t hits) {
    return wait_until(
        [&] {
          const HttpAnswer answer = orthanc.get("/instances/" + instance + "/chexworld/similar?k=1000");
          return answer.status == 200 && Json::parse(answer.body).at("hits").size() == hits;
        },
        kPatience);
  }
  static std::vector<std::string> ids(const Json& answer) {
    std::vector<std::string> found;
    for (const Json& hit : answer.at("hits")) found.push_back(hit.at("orthanc").at("instance"));
    return found;
  }
};

TEST_F(PluginRoutes, SimilarCasesByInstanceStudyIdAndUploadCarryOrthancsIds) {
  OrthancServer orthanc(settings());
  const auto files = films(15);  // ten of one study, five of the next
  std::vector<std::string> instances;
  for (const auto& file : files) instances.push_back(orthanc.upload(file));
  ASSERT_TRUE(all_settled(orthanc)) << orthanc.get("/chexworld/status").body;
  const std::string first = instances.front();
  ASSERT_TRUE(indexed(orthanc, first, 14));

  const Json similar = json_from(orthanc.get("/instances/" + first + "/chexworld/similar?k=20"));
  for (const Json& hit : similar.at("hits")) {
    const std::string id = hit.at("orthanc").at("instance");
    EXPECT_EQ(tag(orthanc, "/instances/" + id, "SOPInstanceUID"), text(hit, "sop_instance_uid"));
    EXPECT_EQ(text(hit.at("orthanc"), "study"), study_of(orthanc, id));
    EXPECT_EQ(tag(orthanc, "/series/" + text(hit.at("orthanc"), "series"), "SeriesInstanceUID"),
              text(hit, "series_instance_uid"));
  }
  const auto search = [&](const Json& example) {
    return ids(
        json_from(orthanc.request("POST", "/chexworld/search", Json{{"positive", {example}}, {"k", 20}}.dump())));
  };
  EXPECT_EQ(search({{"orthanc_instance", first}}), ids(similar));
  EXPECT_EQ(search({{"instance", film_uid(0)}}), ids(similar));
  const Json two = {
      {"searches",
       {{{"positive", {{{"orthanc_instance", first}}}}, {"k", 20}}, {{"positive", {{{"instance", film_uid(1)}}}}}}}};
  const Json replies = json_from(orthanc.request("POST", "/chexworld/search", two.dump())).at("replies");
  ASSERT_EQ(replies.size(), 2u);
  EXPECT_EQ(ids(replies[0]), ids(similar));

  const std::string study = study_of(orthanc, first);
  const Json of_study = json_from(orthanc.get("/studies/" + study + "/chexworld/similar?k=20&exclude-same-study=true"));
  EXPECT_EQ(of_study.at("hits").size(), 5u);
  for (const Json& hit : of_study.at("hits")) EXPECT_NE(text(hit.at("orthanc"), "study"), study);
  EXPECT_EQ(search({{"orthanc_study", study}}).size(), search({{"study", film_study_uid(0)}}).size());

  const Json uploaded = json_from(orthanc.request("POST", "/chexworld/search", "@" + files[3].string(), "k=1"));
  EXPECT_EQ(ids(uploaded), std::vector<std::string>{instances[3]});
  for (const char* body :
       {R"({"positive": [{"orthanc_instance": "nonsense"}]})", R"({"positive": [{"instance": "9.9"}]})"})
    EXPECT_EQ(orthanc.request("POST", "/chexworld/search", body).status, 404) << body;
  EXPECT_EQ(orthanc.request("POST", "/chexworld/search", R"({"positive": [{"orthanc_study": 7}]})").status, 400);
  EXPECT_EQ(orthanc.get("/instances/" + first + "/chexworld/similar?nonsense=1").status, 400);
  write_file_atomically(folder_ / "deep.json", "{\"positive\": " + std::string(2'000'000, '['));
  EXPECT_EQ(orthanc.request("POST", "/chexworld/search", "@" + (folder_ / "deep.json").string()).status, 422);
  EXPECT_TRUE(orthanc.running());
}

TEST_F(PluginRoutes, PagesAndTheirPictures) {
  OrthancServer orthanc(settings());
  for (const char* path : {"/chexworld/pages/study.html", "/chexworld/pages/page.css", "/chexworld/openapi.yaml"})
    EXPECT_EQ(orthanc.get(path).status, 200) << path;
  EXPECT_EQ(orthanc.get("/chexworld/pages/nothing.html").status, 404);
  EXPECT_THAT(orthanc.get("/plugins/explorer.js").body, HasSubstr("chexworld/pages/study.html"));
  EXPECT_EQ(json_from(orthanc.get("/plugins/chexworld")).value("RootUri", ""), "../chexworld/pages/index.html");
}

TEST_F(PluginRoutes, WhileTheWorkerIsDownOnlyWhatWasAskedBeforeIsAnswered) {
  WorkerServer worker({"--listen", "127.0.0.1:" + std::to_string(free_port()), "--model", models_.path(0).string(),
                       "--precision", "f32", "--threads", "1"});
  OrthancServer orthanc({{"Worker", {{"Url", "http://" + worker.address()}}}, {"PollInterval", 1}});
  std::vector<std::string> instances;
  for (const auto& file : films(2)) instances.push_back(orthanc.upload(file));
  ASSERT_TRUE(all_settled(orthanc)) << orthanc.get("/chexworld/status").body;
  const std::string study = study_of(orthanc, instances[0]);
  const Json before = json_from(orthanc.get("/instances/" + instances[0] + "/chexworld"));
  EXPECT_FALSE(before.contains("answered_from"));
  const HttpAnswer refused = orthanc.request("POST", "/chexworld/search", R"({"neighbours": 3})");
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.body, HasSubstr("neighbours")) << "the worker's own sentence, also from elsewhere";
  EXPECT_EQ(worker.stop(SIGTERM), 0);

  Json after = json_from(orthanc.get("/instances/" + instances[0] + "/chexworld"));
  EXPECT_EQ(after.value("answered_from", ""), "cache");
  EXPECT_THAT(after.value("as_of", ""), testing::MatchesRegex(".*T.*Z"));
  after.erase("answered_from");
  after.erase("as_of");
  EXPECT_EQ(after, before);
  for (const std::string& path :
       {"/studies/" + study + "/chexworld", "/instances/" + instances[0] + "/chexworld/similar",
        "/instances/" + instances[0] + "/chexworld/heatmap?finding=x"}) {
    const HttpAnswer answer = orthanc.get(path);
    EXPECT_EQ(answer.status, 503) << path;
    EXPECT_THAT(answer.body, HasSubstr("no connection to the worker")) << path;
  }
  EXPECT_EQ(orthanc.request("DELETE", "/instances/" + instances[1], "").status, 200);
  EXPECT_TRUE(wait_until([&] { return orthanc.get("/instances/" + instances[0] + "/chexworld").status == 503; }, 30s))
      << "a deletion empties the memory of answers";
}

/// A file that is no bundle, and takes no space.
std::filesystem::path large_file(const TemporaryFolder& folder, std::uintmax_t bytes) {
  const std::filesystem::path path = folder / "large";
  std::ofstream(path, std::ios::binary).put('x');
  std::filesystem::resize_file(path, bytes);
  return path;
}

TEST_F(PluginRoutes, AnUploadInChunksNeverLiesInOrthancsMemory) {
  constexpr std::uintmax_t kBytes = 192u << 20;
  const auto large = large_file(folder_, kBytes);
  const std::filesystem::path token = folder_ / "token";
  std::ofstream(token) << "secret-of-the-test";
  WorkerServer elsewhere({"--listen", "127.0.0.1:" + std::to_string(free_port()), "--token-file", token.string()});
  const Json remote = {{"Worker", {{"Url", "http://" + elsewhere.address()}, {"Token", "secret-of-the-test"}}}};
  for (const Json& chosen : {settings(), remote}) {
    OrthancServer orthanc(chosen);
    ASSERT_TRUE(wait_until([&] { return orthanc.get("/chexworld/models").status == 200; }, kPatience)) << orthanc.log();
    const std::uint64_t before = orthanc.peak_resident_bytes();
    const HttpAnswer refused = orthanc.stream("POST", "/chexworld/models", large);
    EXPECT_EQ(refused.status, 422) << refused.body;
    EXPECT_THAT(refused.body, HasSubstr("the uploaded bundle was refused"));
    const std::uint64_t grown = orthanc.peak_resident_bytes() - before;
    std::printf("an upload of %ju MiB: Orthanc's largest resident size grew by %.1f MiB\n", kBytes >> 20,
                double(grown) / (1 << 20));
    EXPECT_LT(grown, kBytes / 8);
    const HttpAnswer kept = orthanc.stream("POST", "/chexworld/models", models_.path(0), "activate=true");
    EXPECT_EQ(kept.status, 201) << kept.body;
    EXPECT_EQ(json_from(orthanc.get("/chexworld/models")).value("active", ""), models_.id(0));
    EXPECT_EQ(orthanc.request("POST", "/chexworld/models", "@" + models_.path(0).string()).status, 201)
        << "with a Content-Length too";
  }
  OrthancServer stranger({{"Worker", {{"Url", "http://" + elsewhere.address()}, {"Token", "wrong"}}}});
  EXPECT_EQ(stranger.stream("POST", "/chexworld/models", large).status, 401);
}

}  // namespace
}  // namespace chexworld::test
