// SPDX-License-Identifier: Apache-2.0
#include "bundle/bundle_config.h"

#include "base/failure.h"

#include <algorithm>
#include <array>
#include <limits>

namespace chexworld {
namespace {

constexpr std::size_t kLongestConfigBytes = 1 << 20;
constexpr int kDeepestConfig = 32;
constexpr std::int64_t kMostAttentionHeads = 1024;
constexpr std::size_t kMostLabels = 10'000;
constexpr std::int64_t kMostDecoderChannels = 4096;
constexpr std::size_t kMostRegions = 100;
constexpr double kLargestNumber = 1e6;
constexpr std::size_t kMostQualityNotes = 64;
constexpr std::array<std::string_view, 5> kViewWords{"PA", "AP", "frontal", "lateral", "unknown"};

using Kind = BundleHead::Kind;
constexpr std::array<std::pair<const char*, Kind>, 4> kKinds{
    {{"fc", Kind::kLinear}, {"norm_fc", Kind::kNormLinear}, {"attn", Kind::kAttentive}, {"mlp", Kind::kMlp}}};

Json parse_shallow(std::string_view text) {
  if (text.size() > kLongestConfigBytes) fail(ErrorCode::kTooLarge, "is longer than 1 MB");
  const auto refuse_depth = [](int depth, Json::parse_event_t, Json&) {
    if (depth > kDeepestConfig) fail(ErrorCode::kMalformed, "is nested more than 32 deep");
    return true;
  };
  try {
    Json json = Json::parse(text, refuse_depth);
    if (!json.is_object()) fail(ErrorCode::kMalformed, "is not an object of keys and values");
    return json;
  } catch (const Json::parse_error& error) {
    fail(ErrorCode::kMalformed, "is not valid JSON (at its byte " + std::to_string(error.byte) + ")");
  }
}

BundleLabel read_label(ConfigReader reader) {
  BundleLabel label;
  label.name = reader.text("name", "");
  label.threshold = reader.number("threshold", label.threshold, {0, 1});
  label.slope = reader.number("slope", label.slope, {-kLargestNumber, kLargestNumber});
  label.intercept = reader.number("intercept", label.intercept, {-kLargestNumber, kLargestNumber});
  reader.finish();
  if (label.name.empty()) fail(ErrorCode::kInvalidArgument, "head: a label has no name");
  return label;
}

BundleHead read_head(ConfigReader reader) {
  BundleHead head;
  const std::string kind = reader.choice("kind", "fc", {"fc", "norm_fc", "attn", "mlp"});
  for (const auto& [name, value] : kKinds) {
    if (kind == name) head.kind = value;
  }
  head.exclusive = reader.boolean("exclusive", false);
  head.attention_heads = reader.integer("attention_heads", head.attention_heads, {1, kMostAttentionHeads});
  for (ConfigReader& label : reader.sections("labels")) head.labels.push_back(read_label(std::move(label)));
  reader.finish();
  if (head.labels.empty() || head.labels.size() > kMostLabels)
    fail(ErrorCode::kInvalidArgument, "head: 'labels' must name 1 to 10000 outputs");
  return head;
}

std::optional<BundleDomain::Range> read_range(ConfigReader& reader, const std::string& key) {
  if (!reader.has(key)) return std::nullopt;
  ConfigReader section = reader.section(key);
  BundleDomain::Range range;
  range.least = section.number("least", range.least, {0, 1});
  range.most = section.number("most", range.most, {0, 1});
  section.finish();
  if (range.least > range.most) fail(ErrorCode::kInvalidArgument, "domain: '" + key + "' ends before it begins");
  return range;
}

BundleDecoder read_decoder(ConfigReader reader) {
  BundleDecoder decoder;
  decoder.kind = reader.choice("kind", "unet", {"unet", "unet4", "linear", "upernet"});
  decoder.channels = reader.integer("channels", decoder.channels, {1, kMostDecoderChannels});
  decoder.labels = reader.texts("labels");
  decoder.threshold = reader.number("threshold", decoder.threshold, {0, 1});
  reader.finish();
  if (decoder.labels.empty() || decoder.labels.size() > kMostRegions)
    fail(ErrorCode::kInvalidArgument, "decoder: 'labels' must name 1 to 100 outputs");
  return decoder;
}

BundleDomain read_domain(ConfigReader reader) {
  BundleDomain domain;
  domain.views = reader.texts("views");
  domain.refused_quality = reader.texts("refused_quality");
  domain.brightness = read_range(reader, "brightness");
  domain.contrast = read_range(reader, "contrast");
  reader.finish();
  const bool known_views = std::all_of(domain.views.begin(), domain.views.end(), [](const std::string& view) {
    return std::find(kViewWords.begin(), kViewWords.end(), view) != kViewWords.end();
  });
  if (!known_views || domain.views.size() > kViewWords.size())
    fail(ErrorCode::kInvalidArgument, "domain: 'views' are PA, AP, frontal, lateral or unknown, each once");
  if (domain.refused_quality.size() > kMostQualityNotes)
    fail(ErrorCode::kInvalidArgument, "domain: 'refused_quality' names more than 64 notes");
  return domain;
}

BundleSource read_source(ConfigReader reader) {
  BundleSource source;
  source.file = reader.text("file", "");
  source.sha256 = reader.text("sha256", "");
  source.component = reader.text("component", "");
  source.notes = reader.texts("notes");
  reader.finish();
  return source;
}

BundleConfig read_config(const Json& json) {
  BundleConfig config;
  ConfigReader reader(json, "chexworld.config");
  if (!reader.has("encoder")) fail(ErrorCode::kInvalidArgument, "the key 'encoder' is missing");
  config.encoder = encoder_shape_from(reader.section("encoder"));
  for (const char* key : {"preprocessing", "training", "evaluation"}) reader.section(key);  // not ours to judge
  if (reader.has("preprocessing")) config.preprocessing = json.at("preprocessing");
  if (reader.has("training")) config.training = json.at("training");
  if (reader.has("evaluation")) config.evaluation = json.at("evaluation");
  if (reader.has("domain")) config.domain = read_domain(reader.section("domain"));
  if (reader.has("head")) config.head = read_head(reader.section("head"));
  if (reader.has("decoder")) config.decoder = read_decoder(reader.section("decoder"));
  if (reader.has("source")) config.source = read_source(reader.section("source"));
  config.licence = reader.text("licence", "");
  reader.finish();
  return config;
}

Json to_json(const BundleHead& head) {
  Json labels = Json::array();
  for (const BundleLabel& label : head.labels)
    labels.push_back(
        {{"name", label.name}, {"threshold", label.threshold}, {"slope", label.slope}, {"intercept", label.intercept}});
  const char* kind = kKinds[std::size_t(head.kind)].first;
  Json json{{"kind", kind}, {"exclusive", head.exclusive}, {"labels", std::move(labels)}};
  if (head.kind == Kind::kAttentive) json["attention_heads"] = head.attention_heads;
  return json;
}

Json to_json(const BundleDomain& domain) {
  Json json{{"views", domain.views}, {"refused_quality", domain.refused_quality}};
  if (domain.brightness) json["brightness"] = {{"least", domain.brightness->least}, {"most", domain.brightness->most}};
  if (domain.contrast) json["contrast"] = {{"least", domain.contrast->least}, {"most", domain.contrast->most}};
  return json;
}

void add_linear(ShapeMap& tensors, const std::string& name, std::int64_t out, std::int64_t in) {
  tensors[name + ".weight"] = {out, in};
  tensors[name + ".bias"] = {out};
}

void add_norm(ShapeMap& tensors, const std::string& name, std::int64_t width) {
  tensors[name + ".weight"] = {width};
  tensors[name + ".bias"] = {width};
}

void add_attentive_pooler(ShapeMap& tensors, std::int64_t width) {
  const std::string block = "head.pooler.cross_attention_block.";
  tensors["head.pooler.query_tokens"] = {1, 1, width};
  add_norm(tensors, block + "norm1", width);
  add_linear(tensors, block + "xattn.q", width, width);
  add_linear(tensors, block + "xattn.kv", 2 * width, width);
  add_linear(tensors, block + "xattn.proj", width, width);
  add_norm(tensors, block + "norm2", width);
  add_linear(tensors, block + "mlp.fc1", 4 * width, width);
  add_linear(tensors, block + "mlp.fc2", width, 4 * width);
}

}  // namespace

BundleConfig parse_bundle_config(std::string_view text) {
  return within("chexworld.config", [&] {
    const Json json = parse_shallow(text);
    try {
      return read_config(json);
    } catch (const Failure& failure) {  // in a file, a wrong setting is damage, not somebody's argument
      const std::string& message = failure.error().message();
      const ErrorCode code = failure.error().code();
      fail(code == ErrorCode::kInvalidArgument ? ErrorCode::kMalformed : code, message.substr(0, 400));
    }
  });
}

Json to_json(const BundleConfig& config) {
  Json json{{"encoder", to_json(config.encoder)},
            {"preprocessing", config.preprocessing},
            {"training", config.training},
            {"licence", config.licence}};
  if (config.head) json["head"] = to_json(*config.head);
  if (config.decoder)
    json["decoder"] = {{"kind", config.decoder->kind},
                       {"channels", config.decoder->channels},
                       {"labels", config.decoder->labels},
                       {"threshold", config.decoder->threshold}};
  if (config.domain) json["domain"] = to_json(*config.domain);
  if (!config.evaluation.empty()) json["evaluation"] = config.evaluation;
  if (config.source)
    json["source"] = {{"file", config.source->file},
                      {"sha256", config.source->sha256},
                      {"component", config.source->component},
                      {"notes", config.source->notes}};
  return json;
}

ShapeMap head_tensors(const BundleHead& head, std::int64_t width) {
  ShapeMap tensors;
  const auto classes = std::int64_t(head.labels.size());
  switch (head.kind) {
    case Kind::kLinear: add_linear(tensors, "head", classes, width); break;
    case Kind::kNormLinear:
      add_norm(tensors, "head.0", width);
      add_linear(tensors, "head.1", classes, width);
      break;
    case Kind::kAttentive:
      add_attentive_pooler(tensors, width);
      add_linear(tensors, "head.linear", classes, width);
      break;
    case Kind::kMlp:
      add_linear(tensors, "head.fc1", 4 * width, width);
      add_linear(tensors, "head.fc2", classes, 4 * width);
      break;
  }
  return tensors;
}

}  // namespace chexworld
