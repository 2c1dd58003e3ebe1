// SPDX-License-Identifier: Apache-2.0
//
// DICOM in over HTTP, durable result out: a real `chexworld serve` with ViT-B/16 at 224 pixels on a Unix socket. What
// it can do with clients that never pause; then latency at half of that, steady and while models are exchanged.
#include "tests/support/worker_server.h"
#include "tests/unit/infer/random_bundle.h"
#include "tests/unit/sandbox/made_radiograph.h"

#include "bench/support/report.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

namespace {

using namespace chexworld;
using test::ClientAnswer;
using test::HttpClient;

constexpr int kRows = 2500, kColumns = 2048;  // a detector of 43 x 35 cm, 10 MB uncompressed
constexpr int kClients = 24;
constexpr int kWarmUp = 24, kCapacity = 96;
constexpr double kLoadSeconds = 45;

std::string film(int number) {
  const test::Bytes bytes =
      test::made_radiograph("DX", {}, {"1.2.99." + std::to_string(number), "1.2.98", "1.2.97"}, 2, kRows, kColumns);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Films with UIDs of one length, so that a number can be written into the same bytes.
class Films {
 public:
  Films() : place_(bytes_.find("1.2.99.100000")) {}

  std::string operator()(int number) const {
    std::string bytes = bytes_;
    return bytes.replace(place_ + 7, 6, std::to_string(100'000 + number));
  }

 private:
  const std::string bytes_ = film(100'000);
  const std::size_t place_;
};

struct Latencies {
  std::vector<double> ms;
  int failed = 0, wrong_model = 0, swaps = 0;

  double percentile(double share) const {
    std::vector<double> sorted = ms;
    std::sort(sorted.begin(), sorted.end());
    return sorted.empty() ? 0 : sorted[std::min(sorted.size() - 1, std::size_t(share * double(sorted.size())))];
  }
};

class ServeBench {
 public:
  ServeBench() {
    for (unsigned i = 0; i < 2; ++i) {
      test::RandomBundle(test::vit_base_shape(), {}, i + 1).write(bundle(i));
      ids_.push_back(inspect_bundle(bundle(i)).value().model_id);
    }
  }

  void run(const std::string& precision) {
    test::WorkerServer server({"--model", bundle(0).string(), "--precision", precision});
    HttpClient client = server.client();
    upload(client);
    post_all(server, kWarmUp);
    const double capacity = kCapacity / bench::seconds([&] { post_all(server, kCapacity); });
    const double rate = 0.5 * capacity;
    std::printf("%s, capacity %.2f objects/s; half load %.2f objects/s\n", precision.c_str(), capacity, rate);
    const Latencies steady = load(server, rate, false);
    const Latencies swapping = load(server, rate, true);
    for (const auto& [name, latencies] : {std::pair{"steady", &steady}, std::pair{"exchanging models", &swapping}})
      std::printf(
          "  %-18s %4zu objects  p50 %6.0f ms  p99 %6.0f ms  most %6.0f ms  failed %d  wrong model %d  swaps %d\n",
          name, latencies->ms.size(), latencies->percentile(0.5), latencies->percentile(0.99), latencies->percentile(1),
          latencies->failed, latencies->wrong_model, latencies->swaps);
    std::printf("  p99 exchanging / steady: %.2f; resident %.0f MiB\n",
                swapping.percentile(0.99) / steady.percentile(0.99), double(server.resident_bytes()) / (1 << 20));
    std::fflush(stdout);
    server.stop(SIGTERM);
  }

 private:
  std::filesystem::path bundle(unsigned number) const {
    return folder_ / ("model-" + std::to_string(number) + ".safetensors");
  }

  void upload(HttpClient& client) const {
    const ClientAnswer answer = client.post("/v1/models", test::text_of(bundle(1)));
    if (answer.status != 201) std::printf("  upload failed: %s\n", answer.body.c_str());
  }

  void post_all(const test::WorkerServer& server, int count) {
    std::atomic<int> left = count;
    std::vector<std::jthread> clients;
    for (int i = 0; i < kClients; ++i)
      clients.emplace_back([&, client = server.client()]() mutable {
        while (left-- > 0) {
          const ClientAnswer answer = client.post("/v1/instances", films_(next_++));
          if (answer.status != 200) std::printf("  failed: %s\n", answer.body.c_str());
        }
      });
  }

  /// Arrivals at random times (the same ones in every run), whether or not earlier ones have been answered.
  Latencies load(const test::WorkerServer& server, double per_second, bool swapping) {
    std::vector<double> arrivals;
    std::mt19937 random(7);
    std::exponential_distribution<double> gap(per_second);
    for (double at = gap(random); at < kLoadSeconds; at += gap(random)) arrivals.push_back(at);
    Latencies latencies;
    std::mutex mutex;
    std::atomic<std::size_t> next = 0;
    const auto begin = std::chrono::steady_clock::now();
    const auto now = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(); };
    const auto work = [&](HttpClient client) {
      for (std::size_t i = next++; i < arrivals.size(); i = next++) {
        const std::string bytes = films_(next_++);
        std::this_thread::sleep_for(std::chrono::duration<double>(std::max(0.0, arrivals[i] - now())));
        const ClientAnswer answer = client.post("/v1/instances", bytes);
        const double ms = 1000 * (now() - arrivals[i]);
        const std::string id = answer.status == 200 ? answer.json()["model_id"].get<std::string>() : "";
        const std::lock_guard lock(mutex);
        latencies.ms.push_back(ms);
        latencies.failed += answer.status != 200;
        latencies.wrong_model += answer.status == 200 && id != ids_[0] && id != ids_[1];
      }
    };
    std::atomic<bool> stop = false;
    std::thread swapper([&, client = server.client()]() mutable {
      for (std::size_t i = 1; swapping && !stop; ++i) latencies.swaps += activate(client, ids_[i % 2]);
    });
    {
      std::vector<std::jthread> clients;
      for (int i = 0; i < kClients; ++i) clients.emplace_back(work, server.client());
    }
    stop = true;
    swapper.join();
    return latencies;
  }

  static bool activate(HttpClient& client, const std::string& id) {
    const std::string body = R"({"model_id": ")" + id + R"(", "reembed": false})";
    return client.ask("PUT", "/v1/models/active", body).status == 200;
  }

  const test::TemporaryFolder folder_;
  const Films films_;
  std::vector<std::string> ids_;
  std::atomic<int> next_ = 0;  // number of the next film
};

}  // namespace

int main(int argc, char** argv) {
  const std::string precision = argc > 1 && argv[1][0] != '-' ? argv[1] : "bf16";
  ServeBench().run(precision);
}
