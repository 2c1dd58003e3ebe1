// SPDX-License-Identifier: Apache-2.0
//
// From what is typed to what is asked.
#pragma once

#include "retrieval/search_request.h"
#include "store/store.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace chexworld::cli {

/// As typed.
struct SearchArguments {
  std::vector<std::string> examples;
  std::vector<std::string> unlike;
  std::string store;
  std::filesystem::path index;  ///< empty: no index
  std::filesystem::path model;  ///< bundle that embeds files; empty: files must be safetensors
  std::string model_id;
  std::string region;
  std::vector<std::string> findings;
  std::vector<std::string> labelled;
  std::string date_from, date_to;
  std::vector<std::filesystem::path> images;
  std::filesystem::path html;
  bool as_json = false;
  SearchRequest request;  ///< what needs no translation is put here at once
};

/// Fills in examples, region, findings, labels and dates. An example is a file (an embedding file of `chexworld embed`,
/// or a DICOM object or picture, which then needs a model bundle), or the UID of an image or of a study in the store.
/// Throws Failure naming the argument.
SearchRequest make_request(Store& store, const SearchArguments& arguments);

}  // namespace chexworld::cli
