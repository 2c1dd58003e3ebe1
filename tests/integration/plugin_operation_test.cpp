// SPDX-License-Identifier: Apache-2.0
//
// What happens to an archive over the years: stores are lost, things are deleted while nobody looks, models change.
#include "base/file.h"
#include "plugin_flow.h"

#include <atomic>
#include <gmock/gmock.h>
#include <mutex>
#include <thread>

namespace chexworld::test {
namespace {

using namespace std::chrono_literals;

class PluginOperation : public PluginFlow {
 protected:
  static std::int64_t known_instances(const OrthancServer& orthanc) {
    return json_from(orthanc.get("/chexworld/status"))
        .value("/worker/coverage/instances"_json_pointer, std::int64_t(-1));
  }
  void delete_store() const {
    for (const char* name : {"store.sqlite", "store.sqlite-wal", "store.sqlite-shm"})
      std::filesystem::remove(folder() / name);
  }
  /// Whether the search index knows each film as itself.
  static bool finds_each(const OrthancServer& orthanc, const std::vector<std::filesystem::path>& files) {
    return wait_until(
        [&] {
          for (std::size_t i = 0; i < files.size(); ++i) {
            const HttpAnswer answer = orthanc.request("POST", "/chexworld/search", "@" + files[i].string(), "k=1");
            if (answer.status != 200) return false;
            const Json hits = Json::parse(answer.body).at("hits");
            if (hits.size() != 1 || hits[0].value("sop_instance_uid", "") != film_uid(int(i))) return false;
          }
          return true;
        },
        kPatience);
  }
};

TEST_F(PluginOperation, ADeletedStoreIsFilledAgain) {
  OrthancServer orthanc(settings());
  const auto files = films(12);
  for (const auto& file : files) orthanc.upload(file);
  ASSERT_TRUE(all_settled(orthanc)) << orthanc.get("/chexworld/status").body;
  ASSERT_TRUE(finds_each(orthanc, files));
  EXPECT_EQ(orthanc.stop(), 0);
  delete_store();
  orthanc.start(settings());
  EXPECT_TRUE(all_settled(orthanc)) << orthanc.get("/chexworld/status").body;
  EXPECT_TRUE(finds_each(orthanc, files)) << "the index is of the store before";

  delete_store();  // while everything runs
  EXPECT_TRUE(wait_until([&] { return std::filesystem::exists(folder() / "store.sqlite"); }, 60s)) << orthanc.log();
  EXPECT_TRUE(all_settled(orthanc)) << orthanc.get("/chexworld/status").body;
  EXPECT_TRUE(finds_each(orthanc, files));
  EXPECT_EQ(orthanc.stop(), 0);
}

TEST_F(PluginOperation, WhatWasDeletedWhileThePluginWasOffGoesFromTheStore) {
  OrthancServer orthanc(settings());
  std::vector<std::string> instances;
  for (const auto& file : films(4)) instances.push_back(orthanc.upload(file));
  write_file_atomically(folder_ / "other.dcm", other_modality_bytes());
  instances.push_back(orthanc.upload(folder_ / "other.dcm"));
  ASSERT_TRUE(all_settled(orthanc)) << orthanc.get("/chexworld/status").body;
  ASSERT_EQ(known_instances(orthanc), 4);
  EXPECT_EQ(orthanc.stop(), 0);
  orthanc.start({{"Enable", false}});
  for (const std::size_t i : {0, 2, 4})
    EXPECT_EQ(orthanc.request("DELETE", "/instances/" + instances[i], "").status, 200);
  EXPECT_EQ(orthanc.stop(), 0);
  orthanc.start(settings());
  EXPECT_TRUE(wait_until([&] { return known_instances(orthanc) == 2; }, kPatience))
      << orthanc.get("/chexworld/status").body;
  EXPECT_EQ(json_from(orthanc.get("/chexworld/failures")).at("failures").size(), 0u)
      << "what was skipped is forgotten too";
  EXPECT_EQ(json_from(orthanc.get("/instances/" + instances[1] + "/chexworld/similar")).at("hits").size(), 1u);
}

/// Requests that do not answer as they should, from any thread.
class Complaints {
 public:
  void add(const std::string& what) {
    const std::scoped_lock lock(mutex_);
    if (list_.size() < 20) list_.push_back(what);
  }
  std::vector<std::string> list() const {
    const std::scoped_lock lock(mutex_);
    return list_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> list_;  // guarded by mutex_
};

class PluginSwap : public PluginOperation {
 protected:
  static constexpr int kFilms = 6;

  /// 200, and everything in it of the model it names.
  void check_search(const HttpAnswer& answer) {
    if (answer.status != 200) return told_.add("search: " + std::to_string(answer.status) + " " + answer.body);
    const Json json = Json::parse(answer.body);
    for (const Json& hit : json.at("hits"))
      if (hit.at("model_id") != json.at("model_id")) told_.add("a hit of another model than the answer's");
  }
  void check_embedding(const HttpAnswer& answer, int film) {
    if (answer.status != 200) return told_.add("embedding: " + std::to_string(answer.status) + " " + answer.body);
    const Json json = Json::parse(answer.body);
    const auto vector = json.at("array").at("data").get<std::vector<float>>();
    if (three_.difference(json.value("model_id", ""), film, vector) > 2e-3) told_.add("an embedding of another model");
  }
  void read(const OrthancServer& orthanc, const std::vector<std::string>& instances, const std::stop_token& stop) {
    for (int i = 0; !stop.stop_requested(); ++i, ++requests_) {
      const int film = i % kFilms;
      const std::string path = "/instances/" + instances[std::size_t(film)] + "/chexworld";
      check_search(orthanc.get(path + "/similar?k=5"));
      check_search(
          orthanc.request("POST", "/chexworld/search", Json{{"positive", {{{"instance", film_uid(film)}}}}}.dump()));
      check_embedding(orthanc.get(path + "/embedding"), film);
      if (const HttpAnswer result = orthanc.get(path); result.status != 200) told_.add("result: " + result.body);
    }
  }
  bool complete(const OrthancServer& orthanc, const std::string& model_id) const {
    const Json status = json_from(orthanc.get("/chexworld/status"));
    bool serving = false;
    for (const Json& index : status.value("/worker/indexes"_json_pointer, Json::array()))
      serving = serving || (index.at("serving") == true && index.value("model_id", "") == model_id);
    return serving && status.value("/embedding_progress/remaining"_json_pointer, 1) == 0;
  }

  WorkerModels three_{3, kFilms};
  Complaints told_;
  std::atomic<int> requests_ = 0;
};

TEST_F(PluginSwap, ModelsChangeWhileStudiesArriveAndSearchesRun) {
  Json configuration = settings();
  configuration["Model"] = three_.path(0).string();
  OrthancServer orthanc(configuration);
  std::vector<std::string> instances;
  for (const auto& file : films(kFilms)) instances.push_back(orthanc.upload(file));
  ASSERT_TRUE(all_settled(orthanc)) << orthanc.get("/chexworld/status").body;
  ASSERT_TRUE(wait_until([&] { return complete(orthanc, three_.id(0)); }, kPatience));
  for (std::size_t model : {1, 2})
    ASSERT_EQ(orthanc.stream("POST", "/chexworld/models", three_.path(model)).status, 201);

  const int swaps = number_from("CHEXWORLD_SWAPS", 4);
  const auto arriving = films(10 * swaps, kFilms);
  {
    std::jthread reader([&](const std::stop_token& stop) { read(orthanc, instances, stop); });
    std::jthread sender([&](const std::stop_token& stop) {
      for (std::size_t i = 0; i < arriving.size() && !stop.stop_requested(); ++i)
        if (orthanc.upload(arriving[i]).empty()) told_.add("a film was not taken");
    });
    for (int i = 1; i <= swaps; ++i) {
      const std::string& id = three_.id(std::size_t(i % 3));
      const HttpAnswer answer = orthanc.request("PUT", "/chexworld/models/active", Json{{"model_id", id}}.dump());
      EXPECT_EQ(answer.status, 200) << answer.body;
      // Every other model is replaced before it has seen the archive.
      if (i % 2 == 0) {
        EXPECT_TRUE(wait_until([&] { return complete(orthanc, id); }, kPatience))
            << orthanc.get("/chexworld/status").body;
      }
    }
    sender.join();
  }
  std::printf("%d swaps, %zu films sent meanwhile, %d rounds of requests\n", swaps, arriving.size(), int(requests_));
  EXPECT_THAT(told_.list(), testing::IsEmpty());
  EXPECT_GT(requests_, swaps);
  const std::string last = three_.id(std::size_t(swaps % 3));
  EXPECT_TRUE(wait_until([&] { return complete(orthanc, last); }, kPatience)) << orthanc.get("/chexworld/status").body;
  EXPECT_TRUE(all_settled(orthanc));
  for (const auto& [id, outcome] : outcomes(orthanc))
    EXPECT_EQ(json_from(orthanc.get("/instances/" + id + "/chexworld")).value("model_id", ""), last);
}

}  // namespace
}  // namespace chexworld::test
