// SPDX-License-Identifier: Apache-2.0
#include "cli/search_query.h"

#include "base/config.h"
#include "base/failure.h"
#include "bundle/safetensors.h"

#include <chexworld/bundle.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>

#ifdef CHEXWORLD_HAVE_PIPELINE
#include "sandbox/decoder.h"

#include <chexworld/pipeline.h>
#endif

namespace chexworld::cli {
namespace {

namespace fs = std::filesystem;
using Date = ResultFilter::Date;

Date parse_date(const std::string& text) {
  int year = 0, length = 0;
  unsigned month = 0, day = 0;
  const bool fits = std::sscanf(text.c_str(), "%4d-%2u-%2u%n", &year, &month, &day, &length) == 3;
  const Date date = std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day);
  if (!fits || std::size_t(length) != text.size() || !date.ok())
    fail(ErrorCode::kInvalidArgument, "'" + text + "' is not a date: write it like 2024-12-31");
  return date;
}

double parse_number(const std::string& text, const std::string& where) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    fail(ErrorCode::kInvalidArgument, where + ": '" + text + "' is not a number");
  return value;
}

/// "pneumonia" (0.5 and more) or "pneumonia=0.8".
ResultFilter::Finding parse_finding(const std::string& text) {
  const std::size_t equals = text.rfind('=');
  if (equals == std::string::npos) return {text, 0.5};
  return {text.substr(0, equals), parse_number(text.substr(equals + 1), "--finding " + text)};
}

/// "x0,y0,x1,y1"
ImageRegion parse_region(const std::string& text) {
  std::vector<double> numbers;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    numbers.push_back(parse_number(text.substr(begin, end - begin), "--region"));
    begin = end + 1;
  }
  if (numbers.size() != 4) fail(ErrorCode::kInvalidArgument, "--region takes four numbers: x0,y0,x1,y1");
  return {numbers[0], numbers[1], numbers[2], numbers[3]};
}

class ExampleReader {
 public:
  ExampleReader(Store& store, const SearchArguments& arguments, std::string& model_id)
      : store_(store), arguments_(arguments), model_id_(model_id) {}

  std::vector<SearchExample> read(const std::vector<std::string>& typed) {
    std::vector<SearchExample> examples;
    for (const std::string& text : typed) {
      std::vector<SearchExample> some = read(text);
      std::move(some.begin(), some.end(), std::back_inserter(examples));
    }
    return examples;
  }

 private:
  std::vector<SearchExample> read(const std::string& text) {
    if (fs::path(text).extension() == ".safetensors") return from_embeddings(text);
    if (fs::exists(text)) return {from_film(text)};
    return {from_uid(text)};
  }

  void use_model(const std::string& model_id, const std::string& why) {
    if (!model_id_.empty() && model_id != model_id_)
      fail(ErrorCode::kInvalidArgument,
           why + " comes from model " + model_id + ", the search is in model " + model_id_);
    model_id_ = model_id;
  }

  /// f32[n,D] named "embeddings", every row an example.
  std::vector<SearchExample> from_embeddings(const std::string& path) {
    const SafetensorsFile file = SafetensorsFile::open(path);
    const TensorView& tensor = file.at("embeddings");
    if (tensor.type != DataType::kF32 || tensor.shape.size() != 2)
      fail(ErrorCode::kMalformed, path + ": 'embeddings' is not f32[n,D]");
    const auto id = file.metadata().find("chexworld.model_id");
    if (id != file.metadata().end()) use_model(id->second, path);
    const auto width = std::size_t(tensor.shape[1]);
    std::vector<SearchExample> examples;
    for (std::int64_t row = 0; row < tensor.shape[0]; ++row) {
      VectorExample example{std::vector<float>(width)};
      std::memcpy(example.embedding.data(), tensor.bytes.data() + std::size_t(row) * width * sizeof(float),
                  width * sizeof(float));
      examples.push_back(std::move(example));
    }
    return examples;
  }

  SearchExample from_film(const std::string& path) {
#ifdef CHEXWORLD_HAVE_PIPELINE
    if (arguments_.model.empty())
      fail(ErrorCode::kInvalidArgument, path + " has to be embedded first: name the model bundle with --model");
    if (!pipeline_) {
      PipelineOptions options;
      options.decoder = make_sandboxed_decoder({}).value();
      pipeline_ = Pipeline::open(arguments_.model, options).value();
      use_model(pipeline_->model().model_id, arguments_.model.string());
    }
    PipelineOutcome outcome = pipeline_->submit({.content = fs::path(path)}).value().get();
    RadiographResult& result = outcome.result.value();
    if (result.embedding.empty())
      fail(ErrorCode::kInvalidArgument,
           path + " is not a chest radiograph (" + std::string(name_of(result.gate.reason)) + ")");
    return VectorExample{std::move(result.embedding)};
#else
    fail(ErrorCode::kUnsupported, path + ": this build cannot embed; use an embedding file (.safetensors) or a UID");
#endif
  }

  SearchExample from_uid(const std::string& text) const {
    const bool is_uid = !text.empty() && text.find_first_not_of("0123456789.") == std::string::npos;
    if (!is_uid) fail(ErrorCode::kNotFound, "'" + text + "' is neither a file nor a UID");
    if (store_.instance(text)) return InstanceExample{text};
    return StudyExample{text};  // the search says if there is none
  }

  Store& store_;
  const SearchArguments& arguments_;
  std::string& model_id_;
#ifdef CHEXWORLD_HAVE_PIPELINE
  std::optional<Pipeline> pipeline_;
#endif
};

void make_region(SearchRequest& request, const ImageRegion& region) {
  const auto* image = request.positive.size() == 1 ? std::get_if<InstanceExample>(&request.positive[0]) : nullptr;
  if (image == nullptr)
    fail(ErrorCode::kInvalidArgument, "--region needs one example: the UID of an image in the store");
  request.positive[0] = SearchExample(RegionExample{image->sop_instance_uid, region});
}

}  // namespace

SearchRequest make_request(Store& store, const SearchArguments& arguments) {
  SearchRequest request = arguments.request;
  request.model_id = arguments.model_id;
  ExampleReader reader(store, arguments, request.model_id);
  request.positive = reader.read(arguments.examples);
  request.negative = reader.read(arguments.unlike);
  if (!arguments.region.empty()) make_region(request, parse_region(arguments.region));
  for (const std::string& finding : arguments.findings) request.filter.findings.push_back(parse_finding(finding));
  for (const std::string& label : arguments.labelled) request.filter.labels.push_back(labelled_from(label));
  if (!arguments.date_from.empty()) request.filter.date_from = parse_date(arguments.date_from);
  if (!arguments.date_to.empty()) request.filter.date_to = parse_date(arguments.date_to);
  return request;
}

}  // namespace chexworld::cli
