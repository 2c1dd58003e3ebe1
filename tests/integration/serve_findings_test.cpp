// SPDX-License-Identifier: Apache-2.0
//
// Findings of a real `chexworld serve`: numbers, and where they come from.
#include "image/png.h"
#include "support/worker_models.h"
#include "support/worker_server.h"
#include "unit/infer/random_bundle.h"

#include <cmath>
#include <gmock/gmock.h>

namespace chexworld::test {
namespace {

using testing::HasSubstr;
using Kind = BundleHead::Kind;

/// A bundle with random weights and findings "Effusion" and "Nodule/Mass".
std::filesystem::path write_model(const TemporaryFolder& folder, Kind kind, unsigned seed,
                                  const std::optional<BundleDomain>& domain = {}) {
  const EncoderShape shape = small_shape();
  RandomBundle bundle(shape, {.linear = 0.1F, .norm = 0.2F}, seed);
  bundle.add_head({kind, false, {{"Effusion", 0.4, 1.5, -0.2}, {"Nodule/Mass", 0.5, 1, 0}}, 6}, 0.3F, seed + 1);
  bundle.config.preprocessing = {{"resize", shape.image_size + 4}, {"crop", shape.image_size}};
  bundle.config.domain = domain;
  const std::filesystem::path path = folder / ("findings-" + std::to_string(seed) + ".safetensors");
  bundle.write(path);
  return path;
}

class ServeFindings : public testing::Test {
 protected:
  Json heat_map_of(HttpClient& client, const std::string& finding) {
    const ClientAnswer answer = client.post("/v1/heatmap?finding=" + finding, film_bytes(3));
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.json();
  }

  TemporaryFolder folder_;
};

TEST_F(ServeFindings, TheMapOfALinearHeadSumsToTheLogitOfTheResult) {
  const std::filesystem::path model = write_model(folder_, Kind::kNormLinear, 71);
  WorkerServer server({"--model", model.string(), "--precision", "f32", "--streams", "1"});
  HttpClient client = server.client();
  const Json findings = client.post("/v1/instances", film_bytes(3)).json()["findings"];
  ASSERT_EQ(findings.size(), 2u);
  const char* const names[] = {"Effusion", "Nodule%2FMass"};
  for (std::size_t k = 0; k < 2; ++k) {
    const Json map = heat_map_of(client, names[k]);
    EXPECT_EQ(map["finding"], findings[k]["name"]);
    EXPECT_EQ(map["kind"], "contribution");
    EXPECT_EQ(map["grid"]["shape"], Json({4, 4}));
    double sum = 0;
    for (const Json& value : map["grid"]["data"]) sum += value.get<double>();
    EXPECT_NEAR(sum, map["logit"].get<double>(), 1e-4);
    EXPECT_NEAR(map["probability"].get<double>(), findings[k]["probability"].get<double>(), 1e-5);
    EXPECT_EQ(map["threshold"], findings[k]["threshold"]);
    EXPECT_EQ(map["model_id"], client.get("/v1/models/active").json()["model_id"]);
    EXPECT_GT(map["window"]["height"].get<double>(), 0.5);
    EXPECT_LE(map["window"]["top"].get<double>() + map["window"]["height"].get<double>(), 1 + 1e-9);
  }
}

TEST_F(ServeFindings, OtherHeadsSayWhatWouldRaiseTheLogit) {
  WorkerServer server({"--model", write_model(folder_, Kind::kAttentive, 81).string(), "--precision", "f32"});
  HttpClient client = server.client();
  const Json map = heat_map_of(client, "Effusion");
  EXPECT_EQ(map["kind"], "influence");
  double sum = 0, largest = 0;
  for (const Json& value : map["grid"]["data"]) {
    sum += value.get<double>();
    largest = std::max(largest, std::abs(value.get<double>()));
  }
  EXPECT_GT(largest, 0);
  EXPECT_NEAR(sum, 0, 1e-4 * largest);
}

TEST_F(ServeFindings, AHeatMapIsAPictureOverTheWholeFilm) {
  WorkerServer server({"--model", write_model(folder_, Kind::kLinear, 91).string(), "--precision", "f32"});
  HttpClient client = server.client();
  GrayImage film{300, 200, std::vector<std::uint8_t>(60'000)};
  for (std::size_t i = 0; i < film.pixels.size(); ++i) film.pixels[i] = std::uint8_t(i % 300 / 2 + 50);
  const std::vector<std::byte> png = encode_png(film);
  const std::string body(reinterpret_cast<const char*>(png.data()), png.size());
  const ClientAnswer answer = client.post("/v1/heatmap?finding=Effusion&output=png", body);
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.headers.at("content-type"), "image/png");
  EXPECT_EQ(answer.headers.at("x-chexworld-threshold"), "0.4");
  const GrayImage picture = decode_picture(std::as_bytes(std::span(answer.body)));
  EXPECT_EQ(picture.height, film.height);
  EXPECT_GT(picture.width, film.width) << "with the scale";
  EXPECT_EQ(picture.at(100, 5), film.at(100, 5)) << "the network sees only the middle of a wide film";
  EXPECT_EQ(picture.at(100, 294), film.at(100, 294));
}

TEST_F(ServeFindings, AbstainsOutsideTheDomainAndSaysSoEverywhere) {
  const std::filesystem::path model = write_model(folder_, Kind::kLinear, 95, BundleDomain{{"lateral"}, {}});
  WorkerServer server({"--model", model.string(), "--precision", "f32", "--streams", "1"});
  HttpClient client = server.client();
  const Json sent = client.post("/v1/instances", film_bytes(3)).json();
  ASSERT_NE(sent["view"], "lateral");
  EXPECT_EQ(sent["status"], "embedded");
  const std::string uid = sent["sop_instance_uid"].get<std::string>();
  const Json stored = client.get("/v1/instances/" + uid).json();
  for (const Json& json : {sent, stored}) {
    EXPECT_EQ(json["abstained"]["reason"], "view-outside") << json;
    ASSERT_EQ(json["findings"].size(), 2u);
    for (const Json& finding : json["findings"]) {
      EXPECT_EQ(finding["state"], "abstained");
      EXPECT_EQ(finding["reason"], "view-outside");
      EXPECT_TRUE(finding["probability"].is_null());
      EXPECT_FALSE(finding.contains("present"));
    }
  }
  EXPECT_EQ(client.get("/v1/instances/" + uid + "/embedding").json()["array"]["shape"][0], stored["embedding_size"]);

  const Json map = heat_map_of(client, "Effusion");
  EXPECT_EQ(map["state"], "abstained");
  EXPECT_EQ(map["abstained"]["reason"], "view-outside");
  EXPECT_TRUE(map["probability"].is_null());
  const ClientAnswer picture = client.post("/v1/heatmap?finding=Effusion&output=png", film_bytes(3));
  EXPECT_EQ(picture.headers.at("x-chexworld-abstained"), "view-outside");
  EXPECT_FALSE(picture.headers.contains("x-chexworld-probability"));

  EXPECT_THAT(client.get("/metrics").body, HasSubstr("chexworld_abstained_total{reason=\"view-outside\"} 1"));
}

TEST_F(ServeFindings, ADomainThatCoversTheFilmChangesNothing) {
  const std::filesystem::path model =
      write_model(folder_, Kind::kLinear, 96, BundleDomain{{"PA", "AP", "frontal", "unknown"}, {"for-processing"}});
  WorkerServer server({"--model", model.string(), "--precision", "f32", "--streams", "1"});
  const Json sent = server.client().post("/v1/instances", film_bytes(3)).json();
  EXPECT_TRUE(sent["abstained"].is_null()) << sent;
  EXPECT_EQ(sent["findings"][0]["state"], "answered");
  EXPECT_TRUE(sent["findings"][0]["probability"].is_number());
}

TEST_F(ServeFindings, SaysWhyThereIsNoHeatMap) {
  WorkerModels without_head(1);
  const std::filesystem::path model = write_model(folder_, Kind::kLinear, 91);
  WorkerServer server({"--model", model.string(), "--precision", "f32", "--streams", "1"});
  HttpClient client = server.client();
  const auto status = [&](const std::string& arguments, const std::string& body) {
    return client.post("/v1/heatmap" + arguments, body).status;
  };
  EXPECT_EQ(status("", film_bytes(0)), 400);
  const ClientAnswer unknown = client.post("/v1/heatmap?finding=Effusoin", film_bytes(0));
  EXPECT_EQ(unknown.status, 404);
  EXPECT_THAT(unknown.body, HasSubstr("Effusion, Nodule/Mass"));
  EXPECT_EQ(status("?finding=Effusion&output=gif", film_bytes(0)), 400);
  EXPECT_EQ(status("?finding=Effusion&model-id=" + without_head.id(0), film_bytes(0)), 409);
  EXPECT_EQ(status("?finding=Effusion", other_modality_bytes()), 415);
  const ClientAnswer nonsense = client.post("/v1/heatmap?finding=Effusion", "no object");
  EXPECT_EQ(nonsense.status, 422);
  EXPECT_EQ(nonsense.json()["error"]["details"]["reason_code"], "malformed");

  WorkerServer other({"--model", without_head.path(0).string(), "--precision", "f32", "--streams", "1"});
  EXPECT_EQ(other.client().post("/v1/heatmap?finding=Effusion", film_bytes(0)).status, 404);
}

}  // namespace
}  // namespace chexworld::test
