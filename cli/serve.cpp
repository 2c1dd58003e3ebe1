// SPDX-License-Identifier: Apache-2.0
//
// `chexworld serve`: the inference worker.
#include "base/failure.h"
#include "base/file.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/config_arguments.h"
#include "cli/system_facts.h"
#include "worker/worker_service.h"

#include <csignal>
#include <cstdlib>
#include <future>
#include <memory>
#include <sys/stat.h>

namespace chexworld::cli {
namespace {

namespace fs = std::filesystem;

struct ServeArguments {
  fs::path config;
  std::string listen = "127.0.0.1:8420";
  fs::path token_file;
  fs::path data = "chexworld-data";
  std::string store;
  fs::path models;
  fs::path index;
  fs::path pseudonym_key;
  fs::path model;
  std::string precision = "auto";
  int threads = 0;
  int streams = 0;
  int max_batch = 8;
  int latency_budget_ms = 5;
  int decoders = 0;
  bool keep_patches = false;
  bool no_sandbox = false;
  int decode_timeout_s = 30;
  int max_objects = 64;
  int max_pending_mb = 1024;
  int max_object_mb = 512;
  int max_connections = 256;
  int drain_timeout_s = 60;
  std::string log_level = "info";
};

// ---- from arguments to options -----------------------------------------------------------------------

fs::path or_below(const fs::path& given, const fs::path& data, const char* name) {
  return given.empty() ? data / name : given;
}

WorkerOptions worker_options(const ServeArguments& arguments) {
  WorkerOptions options;
  options.store = arguments.store.empty() ? (arguments.data / "store.sqlite").string() : arguments.store;
  options.models = or_below(arguments.models, arguments.data, "models");
  options.index = or_below(arguments.index, arguments.data, "index");
  options.pseudonym_key = or_below(arguments.pseudonym_key, arguments.data, "pseudonym.key");
  options.first_model = arguments.model;
  options.engine.precision = precision_from(arguments.precision).value();
  options.engine.threads = arguments.threads;
  options.engine.max_batch = arguments.max_batch;
  options.streams = arguments.streams;
  options.decoders = arguments.decoders;
  options.keep_patches = arguments.keep_patches;
  options.sandbox = !arguments.no_sandbox;
  options.sandboxing.deadline = std::chrono::seconds(arguments.decode_timeout_s);
  options.sandboxing.decoder.limits.max_bytes = std::uint64_t(arguments.max_object_mb) << 20;
  options.max_items = std::size_t(arguments.max_objects);
  options.max_bytes = std::size_t(arguments.max_pending_mb) << 20;
  options.latency_budget = std::chrono::milliseconds(arguments.latency_budget_ms);
  return options;
}

constexpr const char* kTokenVariable = "CHEXWORLD_TOKEN";

void require_long(const std::string& token, const std::string& where) {
  if (token.size() < 16) fail(ErrorCode::kInvalidArgument, where + ": a token has at least 16 characters");
}

/// The variable counts over TCP only: over a Unix socket the file's mode decides who may ask.
std::string token_from_environment(const std::string& listen) {
  const char* token = std::getenv(kTokenVariable);
  if (token == nullptr || listen.starts_with("unix:")) return "";
  require_long(token, kTokenVariable);
  return token;
}

std::string read_token(const fs::path& file) {
  struct stat status{};
  if (stat(file.c_str(), &status) == 0 && (status.st_mode & 0077) != 0)
    log_warning("others may read " + file.string() + ": chmod 600 it");
  const std::vector<std::byte> bytes = read_file(file, 1u << 16);
  std::string token(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
  require_long(token, file.string());
  return token;
}

WorkerServiceOptions service_options(const ServeArguments& arguments, const WorkerOptions& worker) {
  WorkerServiceOptions options;
  options.http.listen = arguments.listen;
  options.http.token =
      arguments.token_file.empty() ? token_from_environment(arguments.listen) : read_token(arguments.token_file);
  options.http.max_connections = arguments.max_connections;
  options.http.threads = 2;
  options.spool = worker.models / "incoming";
  options.max_object_bytes = std::uint64_t(arguments.max_object_mb) << 20;
  options.http.max_buffered_bytes = std::max(options.max_object_bytes, std::uint64_t(arguments.max_pending_mb) << 20);
  return options;
}

LogLevel log_level_from(const std::string& name) {
  if (name == "debug") return LogLevel::kDebug;
  if (name == "warning") return LogLevel::kWarning;
  if (name == "error") return LogLevel::kError;
  return LogLevel::kInfo;
}

// ---- running -----------------------------------------------------------------------------------------

/// SIGTERM and SIGINT reach nobody but the one who waits for them. Before any thread is started.
sigset_t take_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return signals;
}

std::string description(Worker& worker, const WorkerService& service) {
  std::string text = "serving on " + service.address() + ": ";
  if (const auto model = worker.model()) {
    text += "model " + model->model_id + ", " + std::string(name_of(model->engine.precision)) + " (" +
            model->engine.backend + ", " + model->engine.instructions + "), " + std::to_string(model->streams) + " x " +
            std::to_string(model->engine.threads) + " threads";
  } else {
    text += worker.trouble();
  }
  return text + ", store " + worker.store().info().location;
}

/// Finishes what was accepted; a second signal gives up what has not begun.
void wait_and_drain(Worker& worker, WorkerService& service, const sigset_t& signals, std::chrono::seconds patience) {
  int signal = 0;
  sigwait(&signals, &signal);
  log_info("shutting down: finishing what was accepted; once more to give it up");
  auto drained = std::async(std::launch::async, [&] { return service.drain(patience); });
  const timespec moment{0, 100'000'000};
  while (drained.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    if (sigtimedwait(&signals, nullptr, &moment) > 0) worker.cancel();
  }
  log_info(drained.get() ? "everything accepted was answered" : "some connections were cut off");
}

void serve(const ServeArguments& arguments) {
  set_log_level(log_level_from(arguments.log_level));
  const sigset_t signals = take_signals();
  if (const std::string warning = slow_blas_warning(blas_facts()); !warning.empty()) log_warning(warning);
  fs::create_directories(arguments.data);
  const WorkerOptions options = worker_options(arguments);
  Worker worker(options);
  WorkerService service(worker, service_options(arguments, options));
  log_info(description(worker, service));
  wait_and_drain(worker, service, signals, std::chrono::seconds(arguments.drain_timeout_s));
}

// ---- options -----------------------------------------------------------------------------------------

void add_places(CLI::App& command, ServeArguments& arguments) {
  command.add_option("--config", arguments.config, "TOML or JSON file whose keys are these options without dashes");
  command.add_option("--listen", arguments.listen, "unix:/path (mode 0600) or ADDRESS:PORT")->capture_default_str();
  command.add_option("--token-file", arguments.token_file,
                     "Bearer token (else CHEXWORLD_TOKEN); required unless loopback or Unix socket");
  command.add_option("--data", arguments.data, "Folder of all that follows, where not given")->capture_default_str();
  command.add_option("--store", arguments.store, "SQLite file or PostgreSQL connection string [DATA/store.sqlite]");
  command.add_option("--models", arguments.models, "Folder of model bundles [DATA/models]");
  command.add_option("--index", arguments.index, "Folder of search indexes [DATA/index]");
  command.add_option("--pseudonym-key", arguments.pseudonym_key,
                     "Secret behind patient keys, made if missing [DATA/pseudonym.key]");
  command.add_flag("--keep-patches", arguments.keep_patches,
                   "Store patch tokens too, for searching by region (D bytes per patch: 147 kB for ViT-B/16 at 224)");
  command.add_option("--model", arguments.model, "Bundle to begin with, where the store names no active model");
}

void add_performance(CLI::App& command, ServeArguments& arguments) {
  command.add_option("--precision", arguments.precision, "auto, f32, bf16, int8")->capture_default_str();
  command.add_option("--threads", arguments.threads, "Processors for inference; 0: all this process may use")
      ->check(CLI::Range(0, 1024));
  command.add_option("--streams", arguments.streams, "Batches computed at once; 0: measured at start")
      ->check(CLI::Range(0, 64));
  command.add_option("--max-batch", arguments.max_batch, "Radiographs computed together")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command.add_option("--latency-budget-ms", arguments.latency_budget_ms, "How long a batch waits for more")
      ->check(CLI::Range(0, 10'000))
      ->capture_default_str();
  command.add_option("--decoders", arguments.decoders, "Decoder processes; 0: as many as processors")
      ->check(CLI::Range(0, 256));
}

void add_limits(CLI::App& command, ServeArguments& arguments) {
  command.add_flag("--no-sandbox", arguments.no_sandbox, "Decode in this process (to find faults only)");
  command.add_option("--decode-timeout-s", arguments.decode_timeout_s, "For one object, seconds")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  command.add_option("--max-objects", arguments.max_objects, "Objects inside at once; beyond: 503")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  command.add_option("--max-pending-mb", arguments.max_pending_mb, "Their bytes, MiB")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command.add_option("--max-object-mb", arguments.max_object_mb, "Size of one object, MiB")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  command.add_option("--max-connections", arguments.max_connections, "Connections at once")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  command.add_option("--drain-timeout-s", arguments.drain_timeout_s, "For connections to end at shutdown, seconds")
      ->check(CLI::Range(0, 86'400))
      ->capture_default_str();
  command.add_option("--log-level", arguments.log_level, "debug, info, warning, error")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->capture_default_str();
}

}  // namespace

void add_serve(CLI::App& application) {
  CLI::App* command = application.add_subcommand("serve", "Run the inference worker: HTTP in, durable results out");
  const auto arguments = std::make_shared<ServeArguments>();
  add_places(*command, *arguments);
  add_performance(*command, *arguments);
  add_limits(*command, *arguments);
  command->callback([command, arguments] {
    if (!arguments->config.empty()) apply_config_file(*command, arguments->config);
    serve(*arguments);
  });
}

}  // namespace chexworld::cli
