// SPDX-License-Identifier: Apache-2.0
#include "cli/model_server.h"

#include "base/failure.h"

namespace chexworld::cli {
namespace {

constexpr const char* kDirect = "/v1";
constexpr const char* kThroughOrthanc = "/chexworld";

bool answers(const Remote& remote, const std::string& base) {
  try {
    remote.get(base + "/models");
    return true;
  } catch (const Failure& failure) {
    if (failure.error().code() == ErrorCode::kNotFound) return false;
    throw;
  }
}

std::string base_of(const Remote& remote, const std::string& url) {
  for (const char* base : {kDirect, kThroughOrthanc})
    if (answers(remote, base)) return base;
  fail(ErrorCode::kNotFound, url + " is neither a chexworld worker nor an Orthanc with the chexworld plugin");
}

const char* word(bool value) { return value ? "true" : "false"; }

std::string short_id(const Json& id) { return id.is_string() ? id.get<std::string>().substr(0, 12) : "none"; }

}  // namespace

ModelServer::ModelServer(const std::string& url, const std::filesystem::path& credentials)
    : remote_(url, credentials), base_(base_of(remote_, url)) {}

Json ModelServer::list() const { return parse_json(remote_.get(base_ + "/models"), "the worker's answer"); }

Json ModelServer::push(const std::filesystem::path& bundle, const std::string& model_id, const std::string& name,
                       bool activate, bool reembed) const {
  if (base_ == kThroughOrthanc) return push_through_orthanc(bundle, model_id, activate, reembed);
  std::string target = base_ + "/models?model-id=" + model_id + "&activate=" + word(activate);
  if (activate) target += std::string("&reembed=") + word(reembed);
  if (!name.empty()) target += "&name=" + url_encoded(name);
  return parse_json(remote_.post_file(target, bundle), "the worker's answer");
}

bool ModelServer::keeps(const std::string& model_id) const {
  for (const Json& model : list().at("models"))
    if (model.value("model_id", std::string()) == model_id) return model.value("kept", false);
  return false;
}

Json ModelServer::push_through_orthanc(const std::filesystem::path& bundle, const std::string& model_id, bool activate,
                                       bool reembed) const {
  const bool was_kept = keeps(model_id);
  const Json kept = parse_json(remote_.post_file(base_ + "/models", bundle), "the worker's answer");
  if (kept.value("model_id", std::string()) != model_id)
    fail(ErrorCode::kConflict, "the bundle arrived at the worker with another content");
  if (!activate) return kept;
  try {
    Json answer = this->activate(model_id, "uploaded", reembed);
    answer["size_bytes"] = kept.value("size_bytes", Json());
    return answer;
  } catch (const Failure&) {
    if (!was_kept) remote_.remove(base_ + "/models/" + model_id);
    throw;
  }
}

Json ModelServer::activate(const std::string& model_id, const std::string& note, bool reembed) const {
  const Json order{{"model_id", model_id}, {"note", note}, {"reembed", reembed}};
  return parse_json(remote_.put(base_ + "/models/active", order.dump()), "the worker's answer");
}

std::string handover_text(const Json& answer) {
  std::string text = "answered by " + short_id(answer.value("model_id", Json()));
  text += " now (before: " + short_id(answer.value("previous_model_id", Json())) + ")";
  const auto queued = answer.value("queued_for_reembedding", std::int64_t{0});
  return text + ", " + std::to_string(queued) + (queued == 1 ? " instance" : " instances") + " to embed again";
}

}  // namespace chexworld::cli
