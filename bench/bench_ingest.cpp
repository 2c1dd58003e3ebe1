// SPDX-License-Identifier: Apache-2.0
//
// A real Orthanc receiving films over C-STORE (DCMTK's storescu, four associations at once): how many per second with
// the plugin and its worker on, against the same Orthanc with the plugin off, in turn. Then films arriving at random
// times at half of what the whole chain can do, each over an association of its own: the time from the beginning of
// its C-STORE until its result is reported. With a small model, and with ViT-B/16 at 224 pixels in bf16.
//
// usage: bench_ingest [--json FILE] [--quick]
#include "tests/support/http_client.h"
#include "tests/support/orthanc_server.h"
#include "tests/unit/infer/random_bundle.h"
#include "tests/unit/sandbox/made_radiograph.h"

#include "bench/support/report.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <mutex>
#include <random>
#include <thread>

namespace {

using namespace chexworld;
using namespace std::chrono_literals;
using test::OrthancServer;
using SteadyClock = std::chrono::steady_clock;

struct Sizes {
  int rows = 2500, columns = 2048;  // a detector of 43 x 35 cm, 10 MB uncompressed
  int films = 120;                  // of one measurement of the rate
  int rounds = 5;
  int capacity_films = 60;
  double load_seconds = 120;
  std::size_t load_films = 300;  // at most: they, and Orthanc's copies of them, lie in memory where /tmp does
};
constexpr Sizes kQuick{300, 256, 12, 1, 12, 5, 40};
constexpr int kAssociations = 4;

std::string uid(int number) { return "1.2.826.0.1.97." + std::to_string(100'000 + number); }

/// Films on disk, all with the same picture, each with a UID of its own.
class Films {
 public:
  Films(const Sizes& sizes, int count) {
    const test::Bytes bytes =
        test::made_radiograph("DX", {}, {uid(0), "1.2.98", "1.2.97"}, 2, sizes.rows, sizes.columns);
    const std::string film(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    for (int i = 0; i < count; ++i) {
      std::string copy = film;
      for (auto place = copy.find(uid(0)); place != std::string::npos; place = copy.find(uid(0), place + 1))
        copy.replace(place, uid(i).size(), uid(i));
      files_.push_back(folder_ / (std::to_string(i) + ".dcm"));
      std::ofstream(files_.back(), std::ios::binary) << copy;
    }
  }

  const std::filesystem::path& operator[](int number) const { return files_[std::size_t(number)]; }
  int count() const { return int(files_.size()); }

 private:
  const test::TemporaryFolder folder_;
  std::vector<std::filesystem::path> files_;
};

/// What was not taken must not count: the benchmark ends.
void store(const OrthancServer& orthanc, const std::vector<std::string>& files) {
  std::vector<std::string> command{"storescu", "127.0.0.1", std::to_string(orthanc.dicom_port())};
  command.insert(command.end(), files.begin(), files.end());
  const test::Finished done = test::run(command);
  if (done.exit_status == 0) return;
  std::fprintf(stderr, "storescu failed:\n%s", done.output.c_str());
  std::_Exit(1);
}

std::uint64_t with_result(const OrthancServer& orthanc) {
  const Json status = Json::parse(orthanc.get("/chexworld/status").body, nullptr, false);
  return status.is_object() ? status.value("/worker/coverage/with_result"_json_pointer, std::uint64_t(0)) : 0;
}

class IngestBench {
 public:
  IngestBench(std::string name, const EncoderShape& shape, std::string precision, const Sizes& sizes,
              bench::Report& report)
      : name_(std::move(name)), precision_(std::move(precision)), sizes_(sizes), report_(report) {
    test::RandomBundle(shape, {}, 1).write(folder_ / "model.safetensors");
  }

  void run() {
    const Films films(sizes_, std::max(sizes_.films, sizes_.capacity_films));
    const auto on = [&] { return rate(settings(), films); };
    const auto off = [&] { return rate({{"Enable", false}}, films); };
    report_.add("C-STORE, " + name_, bench::in_turn(on, off, sizes_.rounds), "plugin off", "films/s",
                bench::Better::kMore);
    const double per_second = 0.5 * capacity(films);
    latency(per_second);
  }

 private:
  Json settings() {
    // A folder for each start: nothing of one measurement is known to the next.
    return {{"Program", CHEXWORLD_PROGRAM},
            {"Folder", (folder_ / std::to_string(++starts_)).string()},
            {"Model", (folder_ / "model.safetensors").string()},
            {"Precision", precision_}};
  }

  static bool serving(const OrthancServer& orthanc) {
    return test::wait_until([&] { return orthanc.get("/chexworld/models/active").status == 200; }, 300s);
  }

  /// Films per second, until the last one has been acknowledged. What is left to embed then goes with the Orthanc.
  double rate(const Json& chexworld, const Films& films) const {
    OrthancServer orthanc(chexworld);
    if (chexworld.value("Enable", true) && !serving(orthanc)) std::printf("  the worker does not start\n");
    const double seconds = bench::seconds([&] {
      std::vector<std::jthread> senders;
      for (int part = 0; part < kAssociations; ++part)
        senders.emplace_back([&, part] {
          std::vector<std::string> files;
          for (int i = part; i < sizes_.films; i += kAssociations) files.push_back(films[i].string());
          store(orthanc, files);
        });
    });
    orthanc.kill();
    return sizes_.films / seconds;
  }

  /// Films per second from C-STORE to result, when there is always one waiting.
  double capacity(const Films& films) {
    OrthancServer orthanc(settings());
    serving(orthanc);
    const auto begin = SteadyClock::now();
    std::vector<std::string> files;
    for (int i = 0; i < sizes_.capacity_films; ++i) files.push_back(films[i].string());
    store(orthanc, files);
    test::wait_until([&] { return with_result(orthanc) == files.size(); }, 3600s);
    return double(files.size()) / std::chrono::duration<double>(SteadyClock::now() - begin).count();
  }

  void latency(double per_second) {
    std::vector<double> arrivals;
    std::mt19937 random(7);
    std::exponential_distribution<double> gap(per_second);
    for (double at = gap(random); at < sizes_.load_seconds && arrivals.size() < sizes_.load_films; at += gap(random))
      arrivals.push_back(at);
    const Films films(sizes_, int(arrivals.size()));
    OrthancServer orthanc(settings());
    serving(orthanc);
    std::vector<double> ms(arrivals.size());
    std::atomic<std::size_t> next = 0;
    const auto begin = SteadyClock::now();
    const auto now = [&] { return std::chrono::duration<double>(SteadyClock::now() - begin).count(); };
    {
      std::vector<std::jthread> modalities;
      for (int modality = 0; modality < 8; ++modality)
        modalities.emplace_back([&] {
          test::HttpClient client(orthanc.url().substr(std::strlen("http://")));
          for (std::size_t i = next++; i < arrivals.size(); i = next++) {
            std::this_thread::sleep_for(std::chrono::duration<double>(std::max(0.0, arrivals[i] - now())));
            store(orthanc, {films[int(i)].string()});
            wait_for_result(client, uid(int(i)));
            ms[i] = 1000 * (now() - arrivals[i]);
          }
        });
    }
    std::sort(ms.begin(), ms.end());
    const auto percentile = [&](double share) {
      return ms.empty() ? 0 : ms[std::min(ms.size() - 1, std::size_t(share * double(ms.size())))];
    };
    std::printf(
        "  %s, %s: %.2f films/s (half load), %zu films: C-STORE to result p50 %.0f ms, p99 %.0f ms, most %.0f ms\n",
        name_.c_str(), precision_.c_str(), per_second, ms.size(), percentile(0.5), percentile(0.99), percentile(1));
    std::fflush(stdout);
  }

  static void wait_for_result(test::HttpClient& client, const std::string& sop_instance_uid) {
    const Json found = client.post("/tools/lookup", sop_instance_uid).json();
    if (!found.is_array() || found.empty()) return void(std::printf("  Orthanc does not hold a film it took\n"));
    const std::string path = found[0].at("Path").get<std::string>() + "/chexworld";
    if (!test::wait_until([&] { return client.get(path).status == 200; }, 600s)) std::printf("  no result\n");
  }

  const std::string name_, precision_;
  const Sizes sizes_;
  bench::Report& report_;
  const test::TemporaryFolder folder_;
  int starts_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const bool quick = std::any_of(argv + 1, argv + argc, [](const char* word) { return !std::strcmp(word, "--quick"); });
  const Sizes sizes = quick ? kQuick : Sizes{};
  bench::Report report("ingest", argc, argv);
  IngestBench("small model", test::small_shape(), "f32", sizes, report).run();
  if (!quick) IngestBench("ViT-B/16", test::vit_base_shape(), "bf16", sizes, report).run();
}
