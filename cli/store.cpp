// SPDX-License-Identifier: Apache-2.0
//
// `chexworld store`: a look into a store of results, and care for it.
#include "store/store.h"

#include "base/config.h"
#include "base/failure.h"
#include "cli/commands.h"
#include "cli/store_labels.h"
#include "retrieval/retrieval.h"

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace chexworld::cli {
namespace {

struct StoreArguments {
  std::string location;
  std::string target;
  std::filesystem::path table;
  std::string source;
  std::filesystem::path index;
  bool as_json = false;
};
using Arguments = std::shared_ptr<StoreArguments>;

std::unique_ptr<Store> open_existing(const std::string& location) {
  StoreOptions options;
  options.create = false;
  return open_store(location, options);
}

Json to_json(const ModelState& state) {
  return {{"model_id", state.model.model_id},
          {"name", state.model.name},
          {"embedding_size", state.model.embedding_size},
          {"finding_labels", state.model.finding_labels},
          {"active", state.active},
          {"results", state.results},
          {"queued", state.queued},
          {"parked", state.parked},
          {"skipped", state.skipped},
          {"last_sequence", state.last_sequence}};
}

Json to_json(const StoreInfo& info) {
  Json models = Json::array();
  for (const ModelState& state : info.models) models.push_back(to_json(state));
  return {{"backend", info.backend},       {"location", info.location}, {"schema_version", info.schema_version},
          {"instances", info.instances},   {"studies", info.studies},   {"labels", info.labels},
          {"size_bytes", info.size_bytes}, {"models", models}};
}

void print(const StoreInfo& info) {
  std::printf("store        %s (%s, schema %lld)\n", info.location.c_str(), info.backend.c_str(),
              static_cast<long long>(info.schema_version));
  std::printf("size         %.1f MiB\n", double(info.size_bytes) / (1 << 20));
  std::printf("instances    %llu in %llu studies, %llu labels\n", static_cast<unsigned long long>(info.instances),
              static_cast<unsigned long long>(info.studies), static_cast<unsigned long long>(info.labels));
  for (const ModelState& state : info.models)
    std::printf("model        %s%s  %s\n             %llu results, %llu queued, %llu parked, %llu skipped\n",
                state.model.model_id.c_str(), state.active ? " (active)" : "", state.model.name.c_str(),
                static_cast<unsigned long long>(state.results), static_cast<unsigned long long>(state.queued),
                static_cast<unsigned long long>(state.parked), static_cast<unsigned long long>(state.skipped));
  if (info.models.empty()) std::printf("model        none yet\n");
}

void show_info(const StoreArguments& arguments) {
  const StoreInfo info = open_existing(arguments.location)->info();
  arguments.as_json ? void(std::printf("%s\n", to_json(info).dump(2).c_str())) : print(info);
}

/// Indexes are brought up to date first: that they lag is no damage.
std::vector<std::string> verify_index(Store& store, const std::filesystem::path& folder) {
  if (!std::filesystem::is_directory(folder)) fail(ErrorCode::kNotFound, folder.string() + " holds no indexes");
  RetrievalOptions options;
  options.folder = folder;
  Retrieval retrieval(store, options);
  retrieval.catch_up();
  return retrieval.verify();
}

void verify(const StoreArguments& arguments) {
  const std::unique_ptr<Store> store = open_existing(arguments.location);
  std::vector<std::string> problems = store->verify();
  const bool index_only = problems.empty() && !arguments.index.empty();
  if (index_only) problems = verify_index(*store, arguments.index);
  if (arguments.as_json) {
    std::printf("%s\n", Json{{"ok", problems.empty()}, {"problems", problems}}.dump(2).c_str());
  } else {
    for (const std::string& problem : problems) std::printf("%s\n", problem.c_str());
    if (problems.empty()) std::printf("all is well\n");
  }
  if (!problems.empty() && index_only)
    fail(ErrorCode::kMalformed, "the indexes in " + arguments.index.string() +
                                    " disagree with the store: remove the folder, they are built again");
  if (!problems.empty())
    fail(ErrorCode::kMalformed, "the store is damaged (" + std::to_string(problems.size()) +
                                    " complaints): restore a backup, or start a new store and backfill");
}

void report_done(const StoreArguments& arguments, const char* what) {
  if (arguments.as_json) {
    std::printf("%s\n", Json{{"done", what}, {"target", arguments.target}}.dump(2).c_str());
  } else {
    std::printf("%s\n", what);
  }
}

CLI::App* add_action(CLI::App& store, const char* name, const char* description, const Arguments& arguments) {
  CLI::App* action = store.add_subcommand(name, description);
  action->add_option("STORE", arguments->location, "Path of an SQLite store, or a PostgreSQL connection string")
      ->required();
  action->add_flag("--json", arguments->as_json, "Print JSON");
  return action;
}

}  // namespace

void add_store(CLI::App& application) {
  CLI::App* store = application.add_subcommand("store", "Look into a store of results, check, back up, move it");
  store->require_subcommand(1);
  const auto arguments = std::make_shared<StoreArguments>();

  add_action(*store, "info", "What is in it", arguments)->callback([arguments] { show_info(*arguments); });

  CLI::App* check =
      add_action(*store, "verify", "Read everything and say what is wrong; exit status 1 if anything is", arguments);
  check->add_option("--index", arguments->index,
                    "Folder of indexes to compare with it, after bringing them up to date");
  check->callback([arguments] { verify(*arguments); });

  CLI::App* label =
      add_action(*store, "label", "Import what people say about images or studies from a table", arguments);
  label
      ->add_option(
          "TABLE", arguments->table,
          "CSV with a column sop_instance_uid or study_instance_uid, and name, value (source): a label a line; "
          "or with one column per label")
      ->required()
      ->check(CLI::ExistingFile);
  label->add_option("--source", arguments->source, "Where they are from, where no column says so (the file's name)");
  label->callback([arguments] {
    import_labels(*open_existing(arguments->location), arguments->table, arguments->source, arguments->as_json);
  });

  CLI::App* backup = add_action(*store, "backup", "Copy it into a new SQLite file while it is in use", arguments);
  backup->add_option("FILE", arguments->target, "The new file")->required();
  backup->callback([arguments] {
    open_existing(arguments->location)->backup(arguments->target);
    report_done(*arguments, "backup written");
  });

  CLI::App* migrate = add_action(*store, "migrate", "Move to a new, empty store of either kind", arguments);
  migrate->add_option("TARGET", arguments->target, "Path or connection string of the new store")->required();
  migrate->callback([arguments] {
    copy_store(arguments->location, arguments->target);
    arguments->target = open_existing(arguments->target)->info().location;  // without credentials
    report_done(*arguments, "everything copied");
  });
}

}  // namespace chexworld::cli
