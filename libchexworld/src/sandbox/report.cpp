// SPDX-License-Identifier: Apache-2.0
#include "sandbox/report.h"

#include "base/failure.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace chexworld {
namespace {

constexpr std::size_t kMostTextBytes = 1024;
constexpr std::size_t kMostDoubts = 64;

// ---- writing ----

WireMessage message_of_json(const Json& json) {
  return {json.dump(-1, ' ', false, Json::error_handler_t::replace), {}, FileDescriptor()};
}

Json json_of(const GateVerdict& gate) {
  return {{"reason", int(gate.reason)},
          {"view", int(gate.view)},
          {"projection", int(gate.projection)},
          {"view_from", int(gate.view_from)},
          {"detail", gate.detail}};
}

Json json_of(const RadiographAttributes& attributes) {
  return {{"sop_class_uid", attributes.sop_class_uid},
          {"sop_instance_uid", attributes.sop_instance_uid},
          {"transfer_syntax", attributes.transfer_syntax},
          {"modality", attributes.modality},
          {"photometric_interpretation", attributes.photometric_interpretation},
          {"rows", attributes.rows},
          {"columns", attributes.columns},
          {"bits_stored", attributes.bits_stored},
          {"decoder", attributes.decoder},
          {"contrast", attributes.contrast}};
}

Json json_of(const InstanceTags& tags) {
  Json json{{"sop_instance_uid", tags.sop_instance_uid},
            {"series_instance_uid", tags.series_instance_uid},
            {"study_instance_uid", tags.study_instance_uid},
            {"patient_key", tags.patient_key},
            {"view_position", tags.view_position},
            {"sex", tags.sex},
            {"institution", tags.institution},
            {"device", tags.device}};
  if (tags.date) json["days"] = std::chrono::sys_days(*tags.date).time_since_epoch().count();
  if (tags.age_years) json["age_years"] = *tags.age_years;
  return json;
}

Json json_of(const PreparedRadiograph& radiograph) {
  Json quality = Json::array();
  for (const QualityNote note : radiograph.quality) quality.push_back(int(note));
  const ViewWindow& window = radiograph.window;
  return {{"gate", json_of(radiograph.gate)},
          {"quality", quality},
          {"doubts", radiograph.doubts},
          {"attributes", json_of(radiograph.attributes)},
          {"tags", json_of(radiograph.tags)},
          {"film_height", radiograph.film.height},
          {"film_width", radiograph.film.width},
          {"window", {{"top", window.top}, {"left", window.left}, {"height", window.height}, {"width", window.width}}},
          {"decode_ms", radiograph.decode_ms},
          {"prepare_ms", radiograph.prepare_ms}};
}

Json json_of(const DecodeLimits& limits) {
  return {{"max_bytes", limits.max_bytes},         {"max_pixels", limits.max_pixels},
          {"max_frames", limits.max_frames},       {"max_nesting", limits.max_nesting},
          {"max_elements", limits.max_elements},   {"max_element_bytes", limits.max_element_bytes},
          {"max_time_ms", limits.max_time.count()}};
}

// ---- reading ----

Json parsed(const WireMessage& message) {
  const Json json = Json::parse(message.text, nullptr, false);
  if (!json.is_object()) fail(ErrorCode::kInternal, "the decoder process sent what is no message");
  return json;
}

const Json& member(const Json& json, const char* key) {
  static const Json kNothing;
  if (!json.is_object()) return kNothing;
  const auto found = json.find(key);
  return found == json.end() ? kNothing : *found;
}

std::string text_of(const Json& json) {
  if (!json.is_string()) return "";
  std::string text = json.get<std::string>();
  if (text.size() > kMostTextBytes) text.resize(kMostTextBytes);
  std::replace_if(text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

std::string text_in(const Json& json, const char* key) { return text_of(member(json, key)); }

double number_in(const Json& json, const char* key, double least, double most) {
  const Json& value = member(json, key);
  const double number = value.is_number() ? value.get<double>() : least;
  return std::isfinite(number) ? std::clamp(number, least, most) : least;
}

int integer_in(const Json& json, const char* key) {
  return int(number_in(json, key, 0, std::numeric_limits<int>::max()));
}

std::uint64_t count_in(const Json& json, const char* key) {
  const Json& value = member(json, key);
  if (!value.is_number_unsigned()) fail(ErrorCode::kInternal, std::string("the decoder's setup lacks ") + key);
  return value.get<std::uint64_t>();
}

bool flag_in(const Json& json, const char* key) { return member(json, key) == Json(true); }

template <class Enum>
Enum choice_of(const Json& value, Enum last) {
  const bool fine = value.is_number_unsigned() && value.get<std::uint64_t>() <= std::uint64_t(last);
  if (!fine) fail(ErrorCode::kInternal, "the decoder process sent a value that does not exist");
  return Enum(value.get<int>());
}

GateVerdict gate_in(const Json& json) {
  return {.reason = choice_of(member(json, "reason"), GateReason::kNoPixelData),
          .view = choice_of(member(json, "view"), View::kLateral),
          .projection = choice_of(member(json, "projection"), Projection::kAnteroPosterior),
          .view_from = choice_of(member(json, "view_from"), Evidence::kPicture),
          .detail = text_in(json, "detail")};
}

RadiographAttributes attributes_in(const Json& json) {
  return {.sop_class_uid = text_in(json, "sop_class_uid"),
          .sop_instance_uid = text_in(json, "sop_instance_uid"),
          .transfer_syntax = text_in(json, "transfer_syntax"),
          .modality = text_in(json, "modality"),
          .photometric_interpretation = text_in(json, "photometric_interpretation"),
          .rows = integer_in(json, "rows"),
          .columns = integer_in(json, "columns"),
          .bits_stored = integer_in(json, "bits_stored"),
          .decoder = text_in(json, "decoder"),
          .contrast = text_in(json, "contrast")};
}

InstanceTags tags_in(const Json& json) {
  const auto short_text = [&](const char* key) { return text_in(json, key).substr(0, 64); };
  InstanceTags tags{.sop_instance_uid = short_text("sop_instance_uid"),
                    .series_instance_uid = short_text("series_instance_uid"),
                    .study_instance_uid = short_text("study_instance_uid"),
                    .patient_key = short_text("patient_key"),
                    .view_position = short_text("view_position"),
                    .sex = short_text("sex"),
                    .institution = short_text("institution"),
                    .device = short_text("device")};
  if (json.contains("days")) {
    constexpr double kFirst = -719'162, kLast = 2'932'896;  // years 1 to 9999
    tags.date = std::chrono::sys_days(std::chrono::days(int(number_in(json, "days", kFirst, kLast))));
  }
  if (json.contains("age_years")) tags.age_years = number_in(json, "age_years", 0, 150);
  return tags;
}

/// Shares of a film: a letterbox of the longest strip that is decoded reaches this far beyond it.
ViewWindow window_in(const Json& json) {
  constexpr double kFar = 1e5;
  return {.top = number_in(json, "top", -kFar, kFar),
          .left = number_in(json, "left", -kFar, kFar),
          .height = number_in(json, "height", 1e-6, kFar),
          .width = number_in(json, "width", 1e-6, kFar)};
}

/// First the view, then the film.
void take_pictures(const Json& json, std::vector<std::uint8_t> pixels, const DecodeRequest& request,
                   PreparedRadiograph& radiograph) {
  if (pixels.empty()) return;
  const int side = request.recipe.side();
  const int height = int(number_in(json, "film_height", 0, request.film_side));
  const int width = int(number_in(json, "film_width", 0, request.film_side));
  const std::size_t view = std::size_t(side) * std::size_t(side), film = std::size_t(height) * std::size_t(width);
  if (pixels.size() != view + film || (film > 0) != (request.film_side > 0))
    fail(ErrorCode::kInternal, "the decoder process sent a picture of the wrong size");
  radiograph.view = {side, side, {pixels.begin(), pixels.begin() + std::ptrdiff_t(view)}};
  if (film == 0) return;
  radiograph.film = {width, height, {pixels.begin() + std::ptrdiff_t(view), pixels.end()}};
  radiograph.window = window_in(member(json, "window"));
}

PreparedRadiograph radiograph_in(const Json& json, std::vector<std::uint8_t> pixels, const DecodeRequest& request) {
  PreparedRadiograph radiograph;
  radiograph.gate = gate_in(member(json, "gate"));
  for (const Json& note : member(json, "quality")) {
    if (radiograph.quality.size() > std::size_t(QualityNote::kDoubtful)) break;
    radiograph.quality.push_back(choice_of(note, QualityNote::kDoubtful));
  }
  for (const Json& doubt : member(json, "doubts"))
    if (radiograph.doubts.size() < kMostDoubts) radiograph.doubts.push_back(text_of(doubt));
  radiograph.attributes = attributes_in(member(json, "attributes"));
  radiograph.tags = tags_in(member(json, "tags"));
  radiograph.decode_ms = number_in(json, "decode_ms", 0, 1e9);
  radiograph.prepare_ms = number_in(json, "prepare_ms", 0, 1e9);
  take_pictures(json, std::move(pixels), request, radiograph);
  if (radiograph.gate.accepted() == radiograph.view.pixels.empty())
    fail(ErrorCode::kInternal, "the decoder process sent a verdict that does not fit its picture");
  return radiograph;
}

DecodeLimits limits_in(const Json& json) {
  return {.max_bytes = count_in(json, "max_bytes"),
          .max_pixels = count_in(json, "max_pixels"),
          .max_frames = count_in(json, "max_frames"),
          .max_nesting = std::uint32_t(count_in(json, "max_nesting")),
          .max_elements = count_in(json, "max_elements"),
          .max_element_bytes = count_in(json, "max_element_bytes"),
          .max_time = std::chrono::milliseconds(count_in(json, "max_time_ms"))};
}

}  // namespace

WireMessage message_of(const DecoderSetup& setup) {
  return message_of_json({{"limits", json_of(setup.decoder.limits)},
                          {"fast", setup.decoder.fast},
                          {"pseudonym_key", std::vector<std::uint8_t>(setup.decoder.pseudonym_key.begin(),
                                                                      setup.decoder.pseudonym_key.end())},
                          {"memory_bytes", setup.memory_bytes},
                          {"deadline_ms", setup.deadline.count()},
                          {"parent", setup.parent}});
}

DecoderSetup setup_in(const WireMessage& message) {
  const Json json = parsed(message);
  std::string key;  // any bytes, so not a JSON text
  for (const Json& byte : member(json, "pseudonym_key")) key.push_back(char(choice_of<std::uint8_t>(byte, 255)));
  return {.decoder = {.limits = limits_in(member(json, "limits")), .fast = flag_in(json, "fast"), .pseudonym_key = key},
          .memory_bytes = count_in(json, "memory_bytes"),
          .deadline = std::chrono::milliseconds(count_in(json, "deadline_ms")),
          .parent = integer_in(json, "parent")};
}

WireMessage message_of(const DecoderReady& ready) {
  return message_of_json(
      {{"version", ready.version}, {"filtered", ready.filtered}, {"without_network", ready.without_network}});
}

DecoderReady ready_in(const WireMessage& message) {
  const Json json = parsed(message);
  return {.version = text_in(json, "version"),
          .filtered = flag_in(json, "filtered"),
          .without_network = flag_in(json, "without_network")};
}

WireMessage message_of(const Result<PreparedRadiograph>& answer) {
  if (!answer.ok())
    return message_of_json({{"error", int(answer.error().code())}, {"message", answer.error().message()}});
  WireMessage message = message_of_json(json_of(*answer));
  message.pixels = answer->view.pixels;
  message.pixels.insert(message.pixels.end(), answer->film.pixels.begin(), answer->film.pixels.end());
  return message;
}

WireMessage message_of(const DecodeRequest& request) {
  return message_of_json({{"recipe", to_json(request.recipe)}, {"film_side", request.film_side}});
}

DecodeRequest request_in(const WireMessage& message) {
  const Json json = parsed(message);
  return {.recipe = recipe_from_json(member(json, "recipe"), "recipe"),
          .film_side = int(number_in(json, "film_side", 0, kLargestFilmSide))};
}

std::size_t most_pixels(const DecodeRequest& request) {
  const auto square = [](int side) { return std::size_t(side) * std::size_t(side); };
  return square(request.recipe.side()) + square(request.film_side);
}

Result<PreparedRadiograph> answer_in(WireMessage message, const DecodeRequest& request) {
  const Json json = parsed(message);
  if (json.contains("error"))
    return Error(choice_of(member(json, "error"), ErrorCode::kInternal), text_in(json, "message"));
  return radiograph_in(json, std::move(message.pixels), request);
}

}  // namespace chexworld
