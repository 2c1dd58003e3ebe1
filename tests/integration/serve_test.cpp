// SPDX-License-Identifier: Apache-2.0
//
// A real `chexworld serve`, as its clients see it: curl, and plain sockets.
#include "support/worker_models.h"
#include "support/worker_server.h"

#include "store/store.h"

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <gmock/gmock.h>
#include <set>

namespace chexworld::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::vector<float> floats_of(const std::string& bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

const HttpClient::Headers kRaw{{"Accept", "application/octet-stream"}};

class Serve : public testing::Test {
 protected:
  Serve() : server_({"--model", models_.path(0).string(), "--precision", "f32", "--streams", "1"}) {}

  std::string code_of(const ClientAnswer& answer) { return answer.json()["error"]["code"].get<std::string>(); }

  WorkerModels models_{3, 3};
  WorkerServer server_;
  HttpClient client_ = server_.client();
};

TEST_F(Serve, SaysWhatItRuns) {
  const Json status = client_.get("/v1/status").json();
  EXPECT_EQ(status["state"], "serving");
  EXPECT_EQ(status["model"]["model_id"], models_.id(0));
  EXPECT_EQ(status["model"]["precision"], "f32");
  EXPECT_EQ(status["coverage"]["instances"], 0);
  EXPECT_THAT(server_.log(), AllOf(HasSubstr("serving on " + server_.address()), HasSubstr(models_.id(0)),
                                   HasSubstr("f32"), HasSubstr("store.sqlite")));
}

TEST_F(Serve, KeepsTheResultOfARadiograph) {
  for (int film = 0; film < 3; ++film) {
    const ClientAnswer answer = client_.post("/v1/instances", film_bytes(film));
    ASSERT_EQ(answer.status, 200) << answer.body;
    const Json json = answer.json();
    EXPECT_EQ(json["status"], "embedded");
    EXPECT_EQ(json["sop_instance_uid"], film_uid(film));
    EXPECT_EQ(json["model_id"], models_.id(0));
    EXPECT_EQ(json["projection"], "PA");
  }
  const Json kept = client_.get("/v1/instances/" + film_uid(1)).json();
  EXPECT_EQ(kept["study_instance_uid"], film_study_uid(1));
  EXPECT_EQ(kept["view"], "PA");
  EXPECT_EQ(kept["precision"], "f32");
  EXPECT_EQ(client_.get("/v1/studies/" + film_study_uid(1)).json()["instances"].size(), 3u);

  const ClientAnswer raw = client_.get("/v1/instances/" + film_uid(1) + "/embedding", kRaw);
  EXPECT_EQ(raw.headers.at("x-chexworld-model"), models_.id(0));
  EXPECT_EQ(raw.headers.at("x-chexworld-shape"), "48");
  EXPECT_LT(models_.difference(models_.id(0), 1, floats_of(raw.body)), 1e-3);  // kept as f16
  const Json array = client_.get("/v1/instances/" + film_uid(1) + "/embedding").json();
  EXPECT_EQ(array["array"]["shape"], Json({48}));
  EXPECT_EQ(array["array"]["data"].get<std::vector<float>>(), floats_of(raw.body));
  EXPECT_EQ(client_.get("/v1/status").json()["coverage"]["with_result"], 3);
}

TEST_F(Serve, EmbedsWithoutKeeping) {
  const ClientAnswer film = client_.post("/v1/embed", film_bytes(2), kRaw);
  ASSERT_EQ(film.status, 200) << film.body;
  EXPECT_LT(models_.difference(models_.id(0), 2, floats_of(film.body)), 1e-4);
  const ClientAnswer patches = client_.post("/v1/embed?output=patches", film_bytes(2), kRaw);
  EXPECT_EQ(patches.headers.at("x-chexworld-shape"), "16,48");
  EXPECT_EQ(patches.body.size(), 16u * 48 * 4);
  const std::string tensor(3 * 32 * 32 * 4, '\0');
  EXPECT_EQ(client_.post("/v1/embed?input=tensor", tensor, kRaw).body.size(), 48u * 4);
  EXPECT_EQ(client_.post("/v1/embed?input=tensor", tensor.substr(4), kRaw).status, 400);
  const std::vector<float> unit = floats_of(client_.post("/v1/embed?normalized=true", film_bytes(2), kRaw).body);
  double length = 0;
  for (const float value : unit) length += double(value) * double(value);
  EXPECT_NEAR(length, 1, 1e-5);
  EXPECT_EQ(client_.get("/v1/status").json()["coverage"]["instances"], 0);
}

TEST_F(Serve, SaysWhyThereIsNoResult) {
  const Json skipped = client_.post("/v1/instances", other_modality_bytes()).json();
  EXPECT_EQ(skipped["status"], "skipped");
  EXPECT_EQ(skipped["gate"]["reason"], "other-modality");
  const ClientAnswer nonsense = client_.post("/v1/instances", "this is no DICOM file");
  EXPECT_EQ(nonsense.status, 422);
  EXPECT_EQ(nonsense.json()["error"]["details"]["reason_code"], "malformed");
  EXPECT_EQ(client_.post("/v1/instances", "").status, 422);
  EXPECT_EQ(client_.get("/v1/instances/1.2.3.99").status, 404);
  EXPECT_EQ(client_.get("/v1/studies/1.2.3.99").status, 404);
  EXPECT_EQ(client_.get("/v1/nothing").status, 404);
  EXPECT_EQ(client_.ask("PATCH", "/v1/status", "").status, 405);
  const ClientAnswer misspelt = client_.post("/v1/instances?wiat=false", film_bytes(0));
  EXPECT_EQ(misspelt.status, 400);
  EXPECT_THAT(misspelt.body, HasSubstr("unknown argument 'wiat'"));
}

TEST_F(Serve, TakesAPathFromTheSameMachine) {
  std::ofstream(server_.data() / "film.dcm") << film_bytes(1);
  const HttpClient::Headers json{{"Content-Type", "application/json"}};
  const std::string body = Json{{"path", (server_.data() / "film.dcm").string()}}.dump();
  EXPECT_EQ(client_.post("/v1/instances", body, json).json()["sop_instance_uid"], film_uid(1));
  EXPECT_EQ(client_.post("/v1/instances", R"({"path": "film.dcm"})", json).status, 400);
  EXPECT_EQ(client_.post("/v1/instances", R"({"path": "/nowhere/film.dcm"})", json).status, 404);
}

TEST_F(Serve, AcceptsNowAndKeepsLater) {
  EXPECT_EQ(client_.post("/v1/instances?wait=false", film_bytes(0)).status, 202);
  EXPECT_TRUE(
      wait_until([&] { return client_.get("/v1/instances/" + film_uid(0)).status == 200; }, std::chrono::seconds(20)));
}

TEST_F(Serve, FollowsAChangeLog) {
  const auto put = [&](const Json& body) { return client_.ask("PUT", "/v1/cursors/orthanc-1", body.dump()); };
  EXPECT_EQ(client_.get("/v1/cursors/orthanc-1").json()["sequence"], 0);
  Json arrivals = Json::array({{{"instance_id", "a"}}, {{"instance_id", "b"}, {"study_id", "s"}}});
  EXPECT_EQ(put({{"from", 0}, {"to", 5}, {"arrivals", arrivals}}).json()["enqueued"], 2);
  EXPECT_EQ(put({{"from", 0}, {"to", 7}}).status, 409) << "somebody else follows too";
  EXPECT_EQ(client_.get("/v1/cursors/orthanc-1").json()["sequence"], 5);

  const Json claimed = client_.post("/v1/work/claim", R"({"most": 5, "owner": "test"})").json();
  ASSERT_EQ(claimed["items"].size(), 2u);
  const Json item = claimed["items"][0];
  const std::string where =
      "?server=orthanc-1&orthanc-instance=a&work=" + item["work"].dump() + "&claim=" + item["claim"].dump();
  EXPECT_EQ(client_.post("/v1/instances" + where, film_bytes(0)).status, 200);
  EXPECT_EQ(client_.post("/v1/instances" + where, film_bytes(0)).status, 409) << "the claim has been used";
  EXPECT_EQ(client_.get("/v1/instances/" + film_uid(0)).json()["locations"][0]["instance_id"], "a");

  const Json other = claimed["items"][1];
  const std::string path = "/v1/work/" + other["work"].dump();
  EXPECT_EQ(client_.post(path + "/extend", Json{{"claim", other["claim"]}}.dump()).status, 200);
  const Json failure = {{"claim", other["claim"]},
                        {"location", other["location"]},
                        {"reason_code", "gone"},
                        {"reason", "the server has lost it"},
                        {"then", "park"}};
  EXPECT_EQ(client_.post(path + "/failure", failure.dump()).status, 200);
  EXPECT_EQ(client_.post(path + "/failure", failure.dump()).status, 409) << "the claim has been used";
  const Json failures = client_.get("/v1/failures?state=parked").json()["failures"];
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_EQ(failures[0]["reason_code"], "gone");
  EXPECT_EQ(failures[0]["location"]["instance_id"], "b");
  EXPECT_EQ(client_.post("/v1/failures/" + failures[0]["id"].dump() + "/retry", "").status, 202);
  EXPECT_EQ(client_.post("/v1/work/claim", "{}").json()["items"].size(), 1u);
}

TEST_F(Serve, MovesTheCursorWithTheResult) {
  const std::string target = "/v1/instances?server=s&orthanc-instance=a&cursor-from=0&cursor-to=4";
  EXPECT_EQ(client_.post(target, film_bytes(0)).status, 200);
  EXPECT_EQ(client_.get("/v1/cursors/s").json()["sequence"], 4);
  EXPECT_EQ(client_.post(target, film_bytes(1)).status, 409);
  EXPECT_EQ(client_.get("/v1/instances/" + film_uid(1)).status, 404) << "stored without its cursor";
  EXPECT_EQ(client_.post("/v1/instances?cursor-from=0&cursor-to=4", film_bytes(1)).status, 400);
  EXPECT_EQ(client_.post("/v1/instances?server=s", film_bytes(1)).status, 400);
}

TEST_F(Serve, RecordsWhatItCouldNotUse) {
  EXPECT_EQ(client_.post("/v1/instances?server=s&orthanc-instance=bad", "nonsense").status, 422);
  client_.post("/v1/instances?server=s&orthanc-instance=mr", other_modality_bytes());
  const Json failures = client_.get("/v1/failures").json()["failures"];
  ASSERT_EQ(failures.size(), 2u);
  std::map<std::string, std::string> seen;
  for (const Json& failure : failures) seen[failure["location"]["instance_id"]] = failure["reason_code"];
  EXPECT_EQ(seen, (std::map<std::string, std::string>{{"bad", "malformed"}, {"mr", "other-modality"}}));
}

TEST_F(Serve, RemovesAnInstance) {
  client_.post("/v1/instances?server=s&orthanc-instance=a", film_bytes(0));
  EXPECT_EQ(client_.ask("DELETE", "/v1/instances/" + film_uid(0), "").status, 200);
  EXPECT_EQ(client_.get("/v1/instances/" + film_uid(0)).status, 404);
  EXPECT_EQ(client_.ask("DELETE", "/v1/instances/" + film_uid(0), "").status, 404);
  client_.post("/v1/instances?server=s&orthanc-instance=a", film_bytes(0));
  const Json removal = {{"from", 0}, {"to", 1}, {"removals", Json::array({{{"instance_id", "a"}}})}};
  EXPECT_EQ(client_.ask("PUT", "/v1/cursors/s", removal.dump()).json()["removed"], 1);
  EXPECT_EQ(client_.get("/v1/instances/" + film_uid(0)).status, 404);
}

TEST_F(Serve, FindsSimilarCases) {
  for (int film = 0; film < 12; ++film)
    client_.post("/v1/instances", film_bytes(film, "patient" + std::to_string(film % 4)));
  const auto uids = [](const Json& reply) {
    std::vector<std::string> found;
    for (const Json& hit : reply.at("hits")) found.push_back(hit.at("sop_instance_uid"));
    return found;
  };
  ASSERT_TRUE(wait_until(
      [&] { return client_.get("/v1/instances/" + film_uid(5) + "/similar?k=20").json()["hits"].size() == 11; },
      std::chrono::seconds(20)));
  const Json others = client_.get("/v1/instances/" + film_uid(5) + "/similar?k=20&exclude-same-patient=true").json();
  EXPECT_EQ(others["hits"].size(), 9u);
  EXPECT_THAT(uids(others), Not(testing::Contains(film_uid(1))));

  const Json of_study =
      client_.get("/v1/studies/" + film_study_uid(11) + "/similar?k=20&exclude-same-study=true").json();
  EXPECT_EQ(of_study["hits"].size(), 10u);

  const Json upload = client_.post("/v1/search?k=3", film_bytes(5)).json();
  EXPECT_EQ(uids(upload).at(0), film_uid(5));
  EXPECT_NEAR(upload["hits"][0]["score"].get<double>(), 1, 1e-3);
  const HttpClient::Headers json{{"Content-Type", "application/json"}};
  const Json body = {{"positive", Json::array({{{"instance", film_uid(5)}}, {{"study", film_study_uid(11)}}})},
                     {"negative", Json::array({{{"instance", film_uid(2)}}})},
                     {"k", 4},
                     {"filter", {{"views", {"PA"}}, {"date_from", "2020-01-01"}, {"date_to", "2020-12-31"}}}};
  const ClientAnswer searched = client_.post("/v1/search", body.dump(), json);
  ASSERT_EQ(searched.status, 200) << searched.body;
  EXPECT_EQ(searched.json()["hits"].size(), 4u);
  EXPECT_EQ(client_.post("/v1/search", R"({"positive": [{"instance": "1.2.3"}]})", json).status, 404);
  for (const char* wrong : {"{}", R"({"positive": [{}]})", R"({"positive": [5]})", R"({"k": 0})", R"({"kk": 1})",
                            R"({"positive": [{"vector": ["x"]}]})", R"({"filter": {"date_from": "1.1.2020"}})"})
    EXPECT_EQ(client_.post("/v1/search", wrong, json).status, 400) << wrong;

  client_.ask("DELETE", "/v1/instances/" + film_uid(5), "");
  EXPECT_THAT(uids(client_.post("/v1/search?k=20", film_bytes(5)).json()), Not(testing::Contains(film_uid(5))));
}

TEST_F(Serve, KeepsLabelsAndFiltersByThem) {
  for (int film = 0; film < 12; ++film) client_.post("/v1/instances", film_bytes(film));
  const HttpClient::Headers json{{"Content-Type", "application/json"}};
  const std::string of_film = "/v1/instances/" + film_uid(3) + "/labels";
  const std::string of_study = "/v1/studies/" + film_study_uid(11) + "/labels";
  const Json nodule = {{"name", "nodule"}, {"value", "yes"}, {"source", "report"}};
  const auto put = [&](const std::string& path, const Json& labels) {
    return client_.ask("PUT", path, Json{{"labels", labels}}.dump(), json);
  };
  EXPECT_EQ(put(of_film, Json::array({nodule})).json()["labels"], Json::array({nodule}));
  EXPECT_EQ(put(of_study, Json::array({{{"name", "nodule"}, {"value", "no"}}})).status, 200);
  EXPECT_EQ(client_.get(of_film).json()["labels"], Json::array({nodule}));
  const Json kept = client_.get("/v1/instances/" + film_uid(3)).json()["labels"];
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0]["of"], "instance");

  const auto hits = [&](const std::string& condition) {
    return client_.get("/v1/instances/" + film_uid(0) + "/similar?k=20&label=" + condition).json()["hits"];
  };
  ASSERT_TRUE(wait_until([&] { return hits("nodule").size() == 3; }, std::chrono::seconds(20)));
  ASSERT_EQ(hits("nodule=yes").size(), 1u);
  EXPECT_EQ(hits("nodule=yes")[0]["labels"][0]["source"], "report");
  const Json search = {{"positive", Json::array({{{"instance", film_uid(0)}}})},
                       {"filter", {{"labels", Json::array({{{"name", "nodule"}, {"value", "no"}}})}}}};
  EXPECT_EQ(client_.post("/v1/search", search.dump(), json).json()["hits"].size(), 2u);
  EXPECT_EQ(client_.get("/v1/instances/" + film_uid(0) + "/similar?label=unheard-of").status, 404);

  EXPECT_EQ(put("/v1/instances/1.2.3/labels", Json::array()).status, 404);
  EXPECT_EQ(put("/v1/studies/1.2.3/labels", Json::array()).status, 404);
  EXPECT_EQ(client_.get("/v1/instances/1.2.3/labels").status, 404);
  EXPECT_EQ(client_.ask("PUT", of_film, "{}", json).status, 400);
  EXPECT_EQ(put(of_film, Json::array({{{"name", ""}}})).status, 400);
  EXPECT_EQ(put(of_film, Json::array({{{"name", "a"}, {"by", "b"}}})).status, 400);
  EXPECT_EQ(client_.get(of_film).json()["labels"].size(), 1u) << "refused as a whole";
  EXPECT_EQ(put(of_film, Json::array()).json()["labels"], Json::array());
  client_.ask("DELETE", "/v1/instances/" + film_uid(3), "");
  EXPECT_EQ(client_.get(of_film).status, 404);
}

TEST_F(Serve, AnswersSeveralSearchesAtOnce) {
  for (int film = 0; film < 4; ++film) client_.post("/v1/instances", film_bytes(film));
  const HttpClient::Headers json{{"Content-Type", "application/json"}};
  const auto one = [](int film, int k) {
    return Json{{"positive", Json::array({{{"instance", film_uid(film)}}})}, {"k", k}, {"include_examples", true}};
  };
  const std::string both = Json{{"searches", Json::array({one(2, 3), one(1, 1)})}}.dump();
  const auto replies = [&] { return client_.post("/v1/search", both, json).json()["replies"]; };
  ASSERT_TRUE(
      wait_until([&] { return replies().size() == 2 && replies()[0]["hits"].size() == 3; }, std::chrono::seconds(20)));
  EXPECT_EQ(replies()[0]["hits"][0]["sop_instance_uid"], film_uid(2));
  EXPECT_EQ(replies()[1]["hits"][0]["sop_instance_uid"], film_uid(1));
  for (const char* wrong : {R"({"searches": []})", R"({"searches": {}})", R"({"searches": [{}], "k": 1})",
                            R"({"searches": [{"positive": [5]}]})", R"({"searches": [5]})"})
    EXPECT_EQ(client_.post("/v1/search", wrong, json).status, 400) << wrong;
  EXPECT_THAT(client_.post("/v1/search", R"({"searches": [{"positive": [5]}]})", json).body, HasSubstr("searches[0]"));
  EXPECT_EQ(client_.post("/v1/search", R"({"searches": [{"positive": [{"instance": "1.2.3"}]}]})", json).status, 404);
}

TEST_F(Serve, WithoutPatchTokensARegionIsRefusedWithTheRemedy) {
  client_.post("/v1/instances", film_bytes(0));
  const Json search = {{"positive", Json::array({{{"instance", film_uid(0)}, {"region", {0, 0, 0.5, 0.5}}}})}};
  ASSERT_TRUE(
      wait_until([&] { return client_.get("/v1/status").json()["indexes"].size() == 1; }, std::chrono::seconds(20)));
  const ClientAnswer refused = client_.post("/v1/search", search.dump(), {{"Content-Type", "application/json"}});
  EXPECT_EQ(refused.status, 404) << refused.body;
  EXPECT_THAT(refused.body, HasSubstr("--keep-patches"));
}

TEST(ServePatches, FindsRegionsOfWhatItKept) {
  const WorkerModels models{1, 0};
  WorkerServer server({"--model", models.path(0).string(), "--precision", "f32", "--streams", "1", "--keep-patches"});
  HttpClient client = server.client();
  for (int film = 0; film < 5; ++film) client.post("/v1/instances", film_bytes(film));
  const HttpClient::Headers json{{"Content-Type", "application/json"}};
  const auto search = [&](const Json& example) {
    return client.post("/v1/search", Json{{"positive", Json::array({example})}, {"include_examples", true}}.dump(),
                       json);
  };
  const Json region = {0.25, 0.5, 0.75, 1.0};  // of 4 x 4 patches
  const Json example = {{"instance", film_uid(2)}, {"region", region}};
  ASSERT_TRUE(wait_until([&] { return search(example).json()["hits"].size() == 5; }, std::chrono::seconds(20)))
      << search(example).body;
  const Json hits = search(example).json()["hits"];
  EXPECT_EQ(hits[0]["sop_instance_uid"], film_uid(2));
  EXPECT_EQ(hits[0]["region"], region);
  EXPECT_NEAR(hits[0]["score"].get<double>(), 1, 1e-3);
  for (const Json& hit : hits) {
    ASSERT_EQ(hit["region"].size(), 4u);
    EXPECT_NEAR(hit["region"][2].get<double>() - hit["region"][0].get<double>(), 0.5, 1e-9) << "of the same size";
    EXPECT_NEAR(hit["region"][3].get<double>() - hit["region"][1].get<double>(), 0.5, 1e-9);
  }
  for (const Json& wrong : {Json{{"instance", film_uid(2)}, {"region", {0, 0, 1}}},
                            Json{{"instance", film_uid(2)}, {"region", {0, 0, 1, 1.5}}},
                            Json{{"instance", film_uid(2)}, {"region", {"0", 0, 1, 1}}},
                            Json{{"study", film_study_uid(2)}, {"region", region}}})
    EXPECT_EQ(search(wrong).status, 400) << wrong;
  EXPECT_EQ(server.stop(SIGTERM), 0);
}

TEST_F(Serve, HandsOverToAnUploadedModelAndBack) {
  client_.post("/v1/instances?server=s&orthanc-instance=a", film_bytes(0));
  const ClientAnswer uploaded = client_.post("/v1/models?name=second", text_of(models_.path(1)));
  ASSERT_EQ(uploaded.status, 201) << uploaded.body;
  EXPECT_EQ(uploaded.json()["model_id"], models_.id(1));
  EXPECT_EQ(client_.get("/v1/status").json()["model"]["model_id"], models_.id(0));

  const auto activate = [&](const std::string& id) {
    return client_.ask("PUT", "/v1/models/active", Json{{"model_id", id}}.dump());
  };
  const Json active = activate(models_.id(1)).json();
  EXPECT_EQ(active["model_id"], models_.id(1));
  EXPECT_EQ(active["previous_model_id"], models_.id(0));
  EXPECT_EQ(active["queued_for_reembedding"], 1);
  EXPECT_EQ(client_.get("/v1/status").json()["coverage"]["with_result"], 0);
  EXPECT_EQ(client_.post("/v1/work/claim", "{}").json()["items"][0]["priority"], "backfill");
  EXPECT_EQ(client_.post("/v1/instances", film_bytes(0)).json()["model_id"], models_.id(1));
  EXPECT_EQ(client_.get("/v1/instances/" + film_uid(0) + "?model-id=" + models_.id(0)).status, 200);

  EXPECT_EQ(client_.ask("DELETE", "/v1/models/" + models_.id(1), "").status, 409) << "it is active";
  EXPECT_EQ(activate(models_.id(0)).status, 200);
  EXPECT_EQ(client_.ask("DELETE", "/v1/models/" + models_.id(1), "").status, 200);
  EXPECT_EQ(activate(models_.id(1)).status, 404);
  EXPECT_EQ(activate("../../etc/passwd").status, 400);
  const Json audit = client_.get("/v1/models/audit").json()["entries"];
  EXPECT_GE(audit.size(), 5u);
}

TEST_F(Serve, RemembersItsModelAcrossRestarts) {
  EXPECT_EQ(client_.post("/v1/models?activate=true", text_of(models_.path(2))).status, 201);
  EXPECT_EQ(server_.stop(SIGTERM), 0);
  server_.start();  // its command line still names the first model
  ASSERT_TRUE(server_.running()) << server_.log();
  EXPECT_EQ(client_.get("/v1/status").json()["model"]["model_id"], models_.id(2)) << server_.log();
  EXPECT_EQ(server_.stop(SIGTERM), 0);
  std::ofstream(server_.data() / "models" / (models_.id(2) + ".safetensors")) << "damaged";
  server_.start();
  const Json status = client_.get("/v1/status").json();
  EXPECT_EQ(status["state"], "no-model");
  EXPECT_THAT(status["trouble"].get<std::string>(), HasSubstr(models_.id(2)));
  EXPECT_EQ(client_.post("/v1/instances", film_bytes(0)).status, 503);
  EXPECT_EQ(client_.post("/v1/models?activate=true", text_of(models_.path(2))).status, 201);
  EXPECT_EQ(client_.post("/v1/instances", film_bytes(0)).status, 200);
}

TEST_F(Serve, TellsPrometheus) {
  client_.post("/v1/instances", film_bytes(0));
  client_.post("/v1/instances", "nonsense");
  const std::string text = client_.get("/metrics").body;
  EXPECT_THAT(text, AllOf(HasSubstr("chexworld_objects_total{status=\"embedded\",reason=\"accepted\"} 1\n"),
                          HasSubstr("chexworld_objects_total{status=\"failed\",reason=\"malformed\"} 1\n"),
                          HasSubstr("chexworld_model_info{model_id=\"" + models_.id(0)),
                          HasSubstr("chexworld_requests_total{route=\"POST /v1/instances\",status=\"200\"} 1\n"),
                          HasSubstr("chexworld_stage_seconds_count{stage=\"decode\"} 1\n")));
}

TEST_F(Serve, LogsNothingAboutPatients) {
  client_.post("/v1/instances", film_bytes(0, "PATIENT-4711"));
  client_.post("/v1/instances?server=s&orthanc-instance=a&wait=maybe", film_bytes(1, "PATIENT-4711"));
  const std::string stored = client_.get("/v1/instances/" + film_uid(0)).body;
  EXPECT_EQ(server_.stop(SIGTERM), 0);
  EXPECT_THAT(stored, Not(HasSubstr("4711")));
  EXPECT_THAT(server_.log(), AllOf(Not(HasSubstr("4711")), Not(HasSubstr(film_uid(0)))));
  const std::string store = text_of(server_.data() / "store.sqlite") + text_of(server_.data() / "store.sqlite-wal");
  EXPECT_THAT(store, AllOf(HasSubstr(film_uid(0)), Not(HasSubstr("4711"))));
}

TEST(ServeOverTcp, NeedsItsTokenAndTakesNoPaths) {
  WorkerModels models(1);
  TemporaryFolder folder;
  const std::string token = "0123456789abcdef0123";
  std::ofstream(folder / "token") << token << "\n";
  std::ofstream(folder / "serve.toml") << "precision = \"f32\"\nstreams = 1\nmax-objects = 7\ntoken-file = \""
                                       << (folder / "token").string() << "\"\n";
  WorkerServer server({"--listen", "127.0.0.1:" + std::to_string(free_port()), "--model", models.path(0).string(),
                       "--config", (folder / "serve.toml").string()});
  EXPECT_EQ(server.client().get("/v1/status").status, 401);
  EXPECT_EQ(server.client("wrong token wrong token").get("/v1/status").status, 401);
  EXPECT_EQ(server.client(token).post("/v1/instances", film_bytes(0)).status, 200);
  const HttpClient::Headers json{{"Content-Type", "application/json"}};
  EXPECT_EQ(server.client(token).post("/v1/instances", R"({"path": "/etc/passwd"})", json).status, 400);
  const Finished curl = run(
      {"curl", "--silent", "--header", "Authorization: Bearer " + token, "http://" + server.address() + "/v1/models"});
  EXPECT_EQ(Json::parse(curl.output)["active"], models.id(0));
}

TEST(ServeOverTcp, TakesItsTokenFromTheEnvironmentToo) {
  const std::string token = "0123456789abcdef0123";
  setenv("CHEXWORLD_TOKEN", token.c_str(), 1);
  WorkerServer server({"--listen", "127.0.0.1:" + std::to_string(free_port())});
  WorkerServer on_socket;
  unsetenv("CHEXWORLD_TOKEN");
  EXPECT_EQ(server.client().get("/v1/status").status, 401);
  EXPECT_EQ(server.client(token).get("/v1/status").status, 200);
  EXPECT_EQ(on_socket.client().get("/v1/status").status, 200) << "there the file's mode decides";
}

TEST(ServeStart, SaysWhatIsWrong) {
  TemporaryFolder folder;
  const auto output = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {CHEXWORLD_PROGRAM, "serve", "--data", (folder / "data").string()});
    const Finished finished = run(arguments);
    EXPECT_NE(finished.exit_status, 0);
    return finished.output;
  };
  EXPECT_THAT(output({"--listen", "0.0.0.0:0"}), HasSubstr("set a token"));
  EXPECT_THAT(output({"--listen", "nonsense"}), HasSubstr("no address to listen on"));
  EXPECT_THAT(output({"--precision", "f64"}), HasSubstr("f64"));
  EXPECT_THAT(output({"--model", "/nowhere.safetensors"}), HasSubstr("/nowhere.safetensors"));
  std::ofstream(folder / "serve.toml") << "lisen = \"x\"\n";
  EXPECT_THAT(output({"--config", (folder / "serve.toml").string()}), HasSubstr("unknown key 'lisen'"));
  std::ofstream(folder / "token") << "short";
  EXPECT_THAT(output({"--token-file", (folder / "token").string()}), HasSubstr("at least 16"));
}

TEST(ServeStart, ServesWithoutAModelUntilOneIsUploaded) {
  WorkerModels models(1);
  WorkerServer server({"--precision", "f32", "--streams", "1"});
  HttpClient client = server.client();
  EXPECT_EQ(client.get("/v1/status").json()["state"], "no-model");
  EXPECT_THAT(server.log(), HasSubstr("warning no model is active: upload a bundle and activate it"));
  EXPECT_EQ(client.post("/v1/instances", film_bytes(0)).status, 503);
  EXPECT_EQ(client.get("/v1/models/active").status, 404);
  const Finished curl = run({"curl", "--silent", "--unix-socket", server.address().substr(5), "--data-binary",
                             "@" + models.path(0).string(), "http://localhost/v1/models?activate=true"});
  EXPECT_EQ(Json::parse(curl.output)["model_id"], models.id(0)) << curl.output;
  EXPECT_EQ(client.post("/v1/instances", film_bytes(0)).status, 200);
}

}  // namespace
}  // namespace chexworld::test
