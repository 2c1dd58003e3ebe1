// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace chexworld {
namespace {

struct Logger {
  std::shared_ptr<spdlog::logger> standard_error = [] {
    auto logger =
        std::make_shared<spdlog::logger>("chexworld", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
    logger->set_level(spdlog::level::trace);  // our own level decides
    return logger;
  }();
  std::atomic<LogLevel> level{LogLevel::kInfo};
  std::mutex mutex;
  std::shared_ptr<const LogSink> sink;  // guarded by mutex
};

Logger& logger() {
  static Logger instance;
  return instance;
}

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return spdlog::level::debug;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarning: return spdlog::level::warn;
    case LogLevel::kError: return spdlog::level::err;
  }
  return spdlog::level::err;
}

}  // namespace

void log(LogLevel level, std::string_view message) {
  Logger& self = logger();
  if (level < self.level.load()) return;
  std::string line(message);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';  // one event, one line: nobody forges a second one
  }
  std::shared_ptr<const LogSink> sink;
  {
    const std::lock_guard lock(self.mutex);
    sink = self.sink;
  }
  if (sink) {
    (*sink)(level, line);
  } else {
    self.standard_error->log(spdlog_level(level), line);
  }
}

void set_log_level(LogLevel level) { logger().level = level; }

void set_log_sink(LogSink sink) {
  auto shared = sink ? std::make_shared<const LogSink>(std::move(sink)) : nullptr;
  const std::lock_guard lock(logger().mutex);
  logger().sink = std::move(shared);
}

}  // namespace chexworld
