// SPDX-License-Identifier: Apache-2.0
#include "made_orthanc.h"

#include <cstdint>
#include <cstdlib>
#include <regex>

namespace chexworld::test {

MadeOrthanc::MadeOrthanc() {
  context_.pluginsManager = this;
  context_.orthancVersion = "1.12.7";
  context_.Free = std::free;
  context_.InvokeService = invoke;
}

std::vector<std::string> MadeOrthanc::patterns() const {
  std::vector<std::string> patterns;
  for (const Route& route : routes_) patterns.push_back(route.pattern);
  return patterns;
}

OrthancPluginErrorCode MadeOrthanc::invoke(OrthancPluginContext* context, _OrthancPluginService service,
                                           const void* parameters) {
  return static_cast<MadeOrthanc*>(context->pluginsManager)->serve(service, parameters);
}

OrthancPluginErrorCode MadeOrthanc::serve(_OrthancPluginService service, const void* parameters) {
  switch (service) {
    case _OrthancPluginService_RegisterRestCallbackNoLock: {
      const auto& given = *static_cast<const _OrthancPluginRestCallback*>(parameters);
      routes_.push_back({given.pathRegularExpression, given.callback});
      return OrthancPluginErrorCode_Success;
    }
    case _OrthancPluginService_RegisterChunkedRestCallback: {
      const auto& given = *static_cast<const _OrthancPluginChunkedRestCallback*>(parameters);
      routes_.push_back(
          {given.pathRegularExpression, given.getHandler, given.postHandler, given.execute, given.finalize});
      return OrthancPluginErrorCode_Success;
    }
    case _OrthancPluginService_AnswerBuffer: {
      const auto& given = *static_cast<const _OrthancPluginAnswerBuffer*>(parameters);
      answer_.status = 200;
      answer_.body.assign(static_cast<const char*>(given.answer), given.answerSize);
      answer_.headers["Content-Type"] = given.mimeType;
      return OrthancPluginErrorCode_Success;
    }
    case _OrthancPluginService_SendHttpStatus: {
      const auto& given = *static_cast<const _OrthancPluginSendHttpStatus*>(parameters);
      answer_.status = given.status;
      answer_.body.assign(static_cast<const char*>(given.body), given.bodySize);
      return OrthancPluginErrorCode_Success;
    }
    case _OrthancPluginService_SetHttpHeader: {
      const auto& given = *static_cast<const _OrthancPluginSetHttpHeader*>(parameters);
      answer_.headers[given.key] = given.value;
      return OrthancPluginErrorCode_Success;
    }
    case _OrthancPluginService_SendMethodNotAllowed: answer_.status = 405; return OrthancPluginErrorCode_Success;
    default: return OrthancPluginErrorCode_UnknownResource;
  }
}

void MadeOrthanc::upload(const Route& route, const OrthancPluginHttpRequest& request) {
  OrthancPluginServerChunkedRequestReader* reader = nullptr;
  if (route.post(&reader, "", &request) != OrthancPluginErrorCode_Success) {
    answer_.status = 500;
    return;
  }
  if (route.execute(reader, nullptr) != OrthancPluginErrorCode_Success) answer_.status = 500;
  route.finalize(reader);
}

MadeAnswer MadeOrthanc::call(const std::string& method, const std::string& path) {
  static const std::map<std::string, OrthancPluginHttpMethod> kMethods{{"GET", OrthancPluginHttpMethod_Get},
                                                                       {"POST", OrthancPluginHttpMethod_Post},
                                                                       {"PUT", OrthancPluginHttpMethod_Put},
                                                                       {"DELETE", OrthancPluginHttpMethod_Delete}};
  answer_ = {};
  for (const Route& route : routes_) {
    std::smatch groups;
    if (!std::regex_match(path, groups, std::regex(route.pattern))) continue;
    std::vector<std::string> texts(groups.begin() + 1, groups.end());
    std::vector<const char*> pointers;
    for (const std::string& text : texts) pointers.push_back(text.c_str());
    OrthancPluginHttpRequest request{};
    request.method = kMethods.at(method);
    request.groups = pointers.data();
    request.groupsCount = std::uint32_t(pointers.size());
    if (route.post == nullptr || method == "GET") {
      if (route.callback(nullptr, path.c_str(), &request) != OrthancPluginErrorCode_Success) answer_.status = 500;
    } else if (method == "POST") {
      upload(route, request);
    } else {
      answer_.status = 405;
    }
    return answer_;
  }
  answer_.status = 404;
  return answer_;
}

}  // namespace chexworld::test
