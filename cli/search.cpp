// SPDX-License-Identifier: Apache-2.0
//
// `chexworld search`: radiographs like the ones given, from a store (docs/search.md).
#include "base/failure.h"
#include "cli/commands.h"
#include "cli/search_output.h"
#include "cli/search_query.h"
#include "retrieval/retrieval.h"
#include "retrieval/searcher.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>

namespace chexworld::cli {
namespace {

using SteadyClock = std::chrono::steady_clock;

SearchReply ask(Store& store, const SearchArguments& arguments, const SearchRequest& request, double& seconds) {
  std::unique_ptr<Retrieval> retrieval;
  if (!arguments.index.empty()) {
    RetrievalOptions options;
    options.folder = arguments.index;
    retrieval = std::make_unique<Retrieval>(store, options);
    if (retrieval->catch_up() > 0) retrieval->persist();
  }
  const auto start = SteadyClock::now();
  SearchReply reply = retrieval ? retrieval->search(request) : search_store(store, request);
  seconds = std::chrono::duration<double>(SteadyClock::now() - start).count();
  return reply;
}

std::vector<std::string> labels_of(Store& store, const std::string& model_id) {
  for (const ModelState& state : store.models())
    if (state.model.model_id == model_id) return state.model.finding_labels;
  return {};
}

void run(const SearchArguments& arguments) {
  StoreOptions options;
  options.create = false;
  const std::unique_ptr<Store> store = open_store(arguments.store, options);
  const SearchRequest request = make_request(*store, arguments);
  SearchOutput output;
  output.reply = ask(*store, arguments, request, output.seconds);
  output.labels = labels_of(*store, output.reply.model_id);
  if (!arguments.html.empty()) {
    const std::size_t pictures = write_contact_sheet(arguments.html, output, arguments.images);
    std::fprintf(stderr, "chexworld: %s written, %zu of %zu hits with a picture%s\n", arguments.html.c_str(), pictures,
                 output.reply.hits.size(), arguments.images.empty() ? " (--images names the folders they are in)" : "");
  }
  if (arguments.as_json)
    std::printf("%s\n", to_json(output).dump(2, ' ', false, Json::error_handler_t::replace).c_str());
  else
    print_table(output);
}

void add_filters(CLI::App& command, SearchArguments& arguments) {
  ResultFilter& filter = arguments.request.filter;
  command.add_option("--view", filter.views, "Only these views, e.g. PA AP LL");
  command.add_option("--sex", filter.sexes, "Only M, F or O")->check(CLI::IsMember({"M", "F", "O"}));
  command.add_option("--institution", filter.institutions, "Only from these institutions");
  command.add_option("--age-from", filter.age_from, "Years, included");
  command.add_option("--age-to", filter.age_to, "Years, included");
  command.add_option("--date-from", arguments.date_from, "Of acquisition, included, like 2024-12-31");
  command.add_option("--date-to", arguments.date_to, "Of acquisition, included");
  command.add_option("--finding", arguments.findings, "NAME=P: probability at least P (0.5); may be repeated");
  command.add_option("--label", arguments.labelled, "NAME or NAME=VALUE: only what is labelled so; may be repeated");
  command.add_flag("--other-patients", filter.exclude_same_patient, "Leave out patients of the examples");
  command.add_flag("--other-studies", filter.exclude_same_study, "Leave out studies of the examples");
}

}  // namespace

void add_search(CLI::App& application) {
  CLI::App* command = application.add_subcommand("search", "Find radiographs like the ones given");
  const auto arguments = std::make_shared<SearchArguments>();
  SearchRequest& request = arguments->request;
  command
      ->add_option("EXAMPLES", arguments->examples,
                   "UID of an image or study in the store, DICOM file or picture, or embeddings (.safetensors)")
      ->required();
  command->add_option("--store", arguments->store, "Path of an SQLite store, or a PostgreSQL connection string")
      ->required();
  command->add_option("--index", arguments->index,
                      "Folder of indexes, made and brought up to date; without it the whole store is read");
  command->add_option("-m,--model", arguments->model, "Model bundle that embeds the files given");
  command->add_option("--model-id", arguments->model_id,
                      "Search among the results of this model (default: the active)");
  command->add_option("--unlike", arguments->unlike, "Examples of what is not looked for");
  command->add_option("--region", arguments->region,
                      "x0,y0,x1,y1: only this part of the one example, as shares of the square that the model sees");
  command->add_flag("--best-of", request.best_of, "As similar as to the nearest example, not to all of them together");
  command->add_flag("--exact", request.exact, "Compare with everything, however long it takes");
  command->add_option("-k", request.k, "How many (10)")->check(CLI::Range(1, 1000));
  add_filters(*command, *arguments);
  command->add_option("--html", arguments->html, "Write a contact sheet to this file");
  command->add_option("--images", arguments->images, "Files or folders with the pictures for it");
  command->add_flag("--json", arguments->as_json, "Print JSON");
  command->callback([arguments] { run(*arguments); });
}

}  // namespace chexworld::cli
