// SPDX-License-Identifier: Apache-2.0
//
// Radiographs through the streaming pipeline on the threads of a program's own boost::asio context.
//   02_streaming MODEL.safetensors FILM.dcm...
#include <chexworld/pipeline.h>

#include <boost/asio.hpp>
#include <cstdio>
#include <thread>

/// The adapter: a pipeline's tasks become tasks of the context.
class AsioExecutor final : public chexworld::Executor {
 public:
  explicit AsioExecutor(boost::asio::io_context& context) : context_(context) {}

  void post(std::function<void()> task) override { boost::asio::post(context_, std::move(task)); }

  void post_after(std::chrono::nanoseconds delay, std::function<void()> task) override {
    const auto timer = std::make_shared<boost::asio::steady_timer>(context_, delay);
    timer->async_wait([timer, task = std::move(task)](const boost::system::error_code& cancelled) {
      if (!cancelled) task();
    });
  }

 private:
  boost::asio::io_context& context_;
};

int main(int argc, char** argv) {
  if (argc < 3) return std::fprintf(stderr, "usage: 02_streaming MODEL.safetensors FILM.dcm...\n"), 2;
  boost::asio::io_context context;
  auto work = boost::asio::make_work_guard(context);
  std::thread threads[] = {std::thread([&] { context.run(); }), std::thread([&] { context.run(); })};

  int failed = 0;
  {
    auto pipeline = chexworld::Pipeline::open(argv[1], {.executor = std::make_shared<AsioExecutor>(context)});
    if (!pipeline) std::fprintf(stderr, "%s\n", pipeline.error().message().c_str()), failed = 1;
    for (int i = 2; i < argc && pipeline; ++i) {
      const auto taken = pipeline->submit({.content = std::filesystem::path(argv[i])}, [&, i](auto outcome) {
        if (!outcome.result)
          std::printf("%s: %s\n", argv[i], outcome.result.error().message().c_str()), ++failed;
        else if (outcome.result->embedding.empty())
          std::printf("%s: skipped, %s\n", argv[i], name_of(outcome.result->gate.reason).data());
        else
          std::printf("%s: %zu numbers, %s, %.0f ms\n", argv[i], outcome.result->embedding.size(),
                      name_of(outcome.result->gate.view).data(), outcome.timings.total_ms);
      });
      if (!taken) std::fprintf(stderr, "%s\n", taken.error().message().c_str()), ++failed;
    }
    if (pipeline) pipeline->drain();  // the destructor would cancel what is not done
  }
  work.reset();
  for (std::thread& thread : threads) thread.join();
  return failed == 0 ? 0 : 1;
}
