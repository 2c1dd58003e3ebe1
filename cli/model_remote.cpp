// SPDX-License-Identifier: Apache-2.0
//
// `chexworld model push`, `list` and `rollback`: models of a running worker.
#include "base/failure.h"
#include "cli/model.h"
#include "cli/model_server.h"

#include <chexworld/bundle.h>

#include <cstdio>
#include <memory>

namespace chexworld::cli {
namespace {

namespace fs = std::filesystem;

struct ServerArguments {
  std::string url;
  fs::path credentials;
  fs::path bundle;
  std::string name;
  std::string model_id;  ///< to roll back to
  bool keep_only = false;
  bool without_reembedding = false;
  bool as_json = false;
};

void push(const ServerArguments& arguments) {
  const BundleInfo info = inspect_bundle(arguments.bundle).value();
  const ModelServer server(arguments.url, arguments.credentials);
  const Json answer = server.push(arguments.bundle, info.model_id, arguments.name, !arguments.keep_only,
                                  !arguments.without_reembedding);
  if (arguments.as_json) return void(std::printf("%s\n", answer.dump(2).c_str()));
  std::printf("model id %s, %.1f MB\n%s\n", info.model_id.c_str(), answer.value("size_bytes", 0.0) / 1e6,
              arguments.keep_only ? "kept; the active model is as before" : handover_text(answer).c_str());
}

void print_model(const Json& model) {
  const auto count = [&](const char* key) { return static_cast<long long>(model.value(key, std::int64_t{0})); };
  const std::string architecture = model.value("architecture", std::string());
  std::printf("%c %s  %-16s %-10s %6.1f MB  %lld results, %lld queued%s\n", model.value("active", false) ? '*' : ' ',
              model.value("model_id", std::string()).c_str(), model.value("name", std::string("-")).c_str(),
              architecture.empty() ? "custom" : architecture.c_str(), model.value("size_bytes", 0.0) / 1e6,
              count("results"), count("queued"), model.value("kept", false) ? "" : "; bundle no longer kept");
}

void list(const ServerArguments& arguments) {
  const Json answer = ModelServer(arguments.url, arguments.credentials).list();
  if (arguments.as_json) return void(std::printf("%s\n", answer.dump(2).c_str()));
  for (const Json& model : answer.at("models")) print_model(model);
  if (answer.at("models").empty()) std::printf("no models\n");
}

std::string model_before(const ModelServer& server) {
  const Json previous = server.list().value("previous", Json());
  if (previous.is_string()) return previous.get<std::string>();
  fail(ErrorCode::kNotFound,
       "the worker does not know what answered before the active model: name one with --to (`chexworld model list` "
       "shows them)");
}

void roll_back(const ServerArguments& arguments) {
  const ModelServer server(arguments.url, arguments.credentials);
  const std::string model_id = arguments.model_id.empty() ? model_before(server) : arguments.model_id;
  const Json answer = server.activate(model_id, "roll back", !arguments.without_reembedding);
  if (arguments.as_json) return void(std::printf("%s\n", answer.dump(2).c_str()));
  std::printf("%s\n", handover_text(answer).c_str());
}

using Arguments = std::shared_ptr<ServerArguments>;

CLI::App* server_command(CLI::App& parent, const char* name, const char* help, const Arguments& arguments,
                         void (*run)(const ServerArguments&)) {
  CLI::App* command = parent.add_subcommand(name, help);
  command
      ->add_option("URL", arguments->url,
                   "A worker (http://HOST:PORT or unix:PATH), or an Orthanc with the plugin (http://HOST:8042)")
      ->required();
  command->add_option("--credentials", arguments->credentials,
                      "File with a worker's token or Orthanc's user:password (else CHEXWORLD_TOKEN, or CHEXWORLD_USER "
                      "and CHEXWORLD_PASSWORD)");
  command->add_flag("--json", arguments->as_json, "Print what the worker answered");
  command->callback([arguments, run] { run(*arguments); });
  return command;
}

}  // namespace

void add_model_server_commands(CLI::App& parent) {
  const auto arguments = std::make_shared<ServerArguments>();
  CLI::App* command = server_command(
      parent, "push", "Upload a bundle to a worker, which checks it and takes it into use", arguments, push);
  command->add_option("BUNDLE", arguments->bundle, "The bundle")->required();
  command->add_option("--name", arguments->name, "For people");
  command->add_flag("--keep-only", arguments->keep_only, "Leave the active model as it is");
  command->add_flag("--no-reembed", arguments->without_reembedding, "Do not embed known instances again");

  server_command(parent, "list", "The models of a worker; * answers", arguments, list);

  command = server_command(parent, "rollback", "Hand over to the model that answered before", arguments, roll_back);
  command->add_option("--to", arguments->model_id, "Id of another kept model");
  command->add_flag("--no-reembed", arguments->without_reembedding, "Do not embed known instances again");
}

}  // namespace chexworld::cli
