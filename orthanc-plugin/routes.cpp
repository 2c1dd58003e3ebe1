// SPDX-License-Identifier: GPL-3.0-or-later
#include "orthanc-plugin/routes.h"

#include "base/failure.h"
#include "orthanc-plugin/bundle_upload.h"
#include "orthanc-plugin/handlers.h"
#include "orthanc-plugin/pages.h"

#include <atomic>
#include <set>

namespace chexworld::plugin {
namespace {

/// Orthanc's REST callbacks carry no user data.
struct Registered {
  const OrthancHost* host = nullptr;
  std::atomic<Service*> service = nullptr;
};
Registered registered;

using Handler = Response (*)(Service& service, const Request& request);

Service& running_service() {
  Service* const service = registered.service;
  if (!service) fail(ErrorCode::kUnavailable, "the plugin is stopping");
  return *service;
}

Response answer(Handler handler, const OrthancPluginHttpRequest& request) {
  const auto response = capture([&] { return handler(running_service(), request_from(request)); });
  return response.ok() ? *response : error_response(response.error());
}

/// `allowed`: methods, separated by commas.
template <Handler handler, const char* allowed>
OrthancPluginErrorCode on_request(OrthancPluginRestOutput* output, const char*,
                                  const OrthancPluginHttpRequest* request) {
  return protect([&] {
    const std::string method = request_from(*request).method;
    if (std::string_view(allowed).find(method) == std::string_view::npos)
      return send_method_not_allowed(*registered.host, output, allowed);
    send(*registered.host, output, answer(handler, *request));
  });
}

// ---- what needs no worker ----

Response get_page(Service&, const Request& request) { return page(request.groups.at(0)); }
Response get_openapi(Service&, const Request&) { return page("openapi.yaml"); }
Response get_children(Service&, const Request&);

// ---- uploads ----

BundleUpload& upload_of(OrthancPluginServerChunkedRequestReader* reader) {
  return *reinterpret_cast<BundleUpload*>(reader);
}

OrthancPluginErrorCode begin_upload(OrthancPluginServerChunkedRequestReader** reader, const char*,
                                    const OrthancPluginHttpRequest* request) {
  return protect([&] {
    Service* const service = registered.service;
    auto upload = std::make_unique<BundleUpload>(service ? &service->worker() : nullptr, request_from(*request).query);
    *reader = reinterpret_cast<OrthancPluginServerChunkedRequestReader*>(upload.release());
  });
}

OrthancPluginErrorCode append_upload(OrthancPluginServerChunkedRequestReader* reader, const void* data,
                                     std::uint32_t size) {
  return protect([&] { upload_of(reader).append({static_cast<const char*>(data), size}); });
}

OrthancPluginErrorCode finish_upload(OrthancPluginServerChunkedRequestReader* reader, OrthancPluginRestOutput* output) {
  return protect([&] { send(*registered.host, output, upload_of(reader).finish()); });
}

void drop_upload(OrthancPluginServerChunkedRequestReader* reader) { delete &upload_of(reader); }

// ---- to Orthanc ----

constexpr char kGet[] = "GET", kPost[] = "POST", kDelete[] = "DELETE", kGetPost[] = "GET,POST", kGetPut[] = "GET,PUT";

struct Route {
  const char* pattern;
  OrthancPluginRestCallback callback;
};

/// The first that matches counts. `POST /chexworld/models` is registered apart: its body comes in pieces.
constexpr Route kRoutes[] = {
    {"/chexworld", on_request<get_children, kGet>},
    {"/chexworld/status", on_request<get_status, kGet>},
    {"/chexworld/failures", on_request<get_failures, kGet>},
    {"/chexworld/failures/([^/]*)/retry", on_request<retry_failure, kPost>},
    {"/chexworld/models/active", on_request<active_model, kGetPut>},
    {"/chexworld/models/([^/]*)", on_request<drop_model, kDelete>},
    {"/chexworld/search", on_request<search, kPost>},
    {"/chexworld/backfill", on_request<start_backfill, kPost>},
    {"/chexworld/write-back", on_request<start_write_back, kPost>},
    {"/chexworld/openapi.yaml", on_request<get_openapi, kGet>},
    {"/chexworld/pages/([^/]*)", on_request<get_page, kGet>},
    {"/instances/([^/]*)/chexworld", on_request<get_instance, kGet>},
    {"/instances/([^/]*)/chexworld/embedding", on_request<get_embedding, kGet>},
    {"/instances/([^/]*)/chexworld/heatmap", on_request<get_heatmap, kGet>},
    {"/instances/([^/]*)/chexworld/similar", on_request<similar_to_instance, kGet>},
    {"/studies/([^/]*)/chexworld", on_request<study, kGetPost>},
    {"/studies/([^/]*)/chexworld/similar", on_request<similar_to_study, kGet>},
};

/// What lies below /chexworld, as Orthanc lists the children of its own resources.
Response get_children(Service&, const Request&) {
  static constexpr std::string_view kRoot = "/chexworld/";
  std::set<std::string> names{"models"};
  for (const Route& route : kRoutes) {
    const std::string_view pattern = route.pattern;
    if (pattern.starts_with(kRoot))
      names.emplace(pattern.substr(kRoot.size(), pattern.find('/', kRoot.size()) - kRoot.size()));
  }
  return json_response(Json(names));
}

}  // namespace

void register_routes(const OrthancHost& host, Service& service) {
  static const OrthancHost kept = host;
  registered.host = &kept;
  registered.service = &service;
  OrthancPluginRegisterChunkedRestCallback(host.context(), "/chexworld/models", on_request<get_models, kGet>,
                                           begin_upload, nullptr, nullptr, append_upload, finish_upload, drop_upload);
  for (const Route& route : kRoutes)
    OrthancPluginRegisterRestCallbackNoLock(host.context(), route.pattern, route.callback);
}

void withdraw_routes() { registered.service = nullptr; }

}  // namespace chexworld::plugin
