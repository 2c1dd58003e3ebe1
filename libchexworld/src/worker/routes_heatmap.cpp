// SPDX-License-Identifier: Apache-2.0
//
// Where in an object's picture a finding comes from.
#include "base/failure.h"
#include "service/arguments.h"
#include "worker/explanations.h"
#include "worker/routes.h"
#include "worker/submission.h"

namespace chexworld {
namespace {

constexpr int kFilmSide = 1024;  // pixels, of the picture that is answered

/// One request on its way through the pipeline.
struct Explaining {
  std::shared_ptr<const ExplainedModel> model;
  std::size_t label = 0;
  bool as_png = false;
  PreparedRadiograph film;  // its pixels go to the pipeline
  std::optional<Abstention> abstained;
};

/// Valid as long as the item.
RadiographSource source_of(const PipelineItem& item) {
  if (const auto* path = std::get_if<std::filesystem::path>(&item.content)) return *path;
  return std::span<const std::byte>(std::get<std::vector<std::byte>>(item.content));
}

PipelineModel model_asked(Worker& worker, const std::string& model_id) {
  const std::optional<PipelineModel> active = worker.model();
  if (!active) fail(ErrorCode::kUnavailable, worker.trouble());
  if (!model_id.empty() && model_id != active->model_id)
    fail(ErrorCode::kConflict, "heat maps come from the active model, which is another one: activate this one first");
  return *active;
}

HttpResponse png_response(const Explaining& asked, const HeatMap& map) {
  const std::vector<std::byte> png = heat_map_png(asked.film.film, asked.film.window, map);
  HttpResponse response;
  response.content_type = "image/png";
  response.body.assign(reinterpret_cast<const char*>(png.data()), png.size());
  response.headers = {{"X-Chexworld-Model", asked.model->model_id},
                      {"X-Chexworld-Threshold", Json(map.threshold).dump()},
                      asked.abstained ? std::pair("X-Chexworld-Abstained", asked.abstained->reason)
                                      : std::pair("X-Chexworld-Probability", Json(map.probability).dump())};
  return response;
}

HttpResponse explained(const Explaining& asked, const PipelineOutcome& outcome) {
  if (!outcome.result.ok()) return refusal_of(outcome);
  const RadiographResult& result = *outcome.result;
  if (result.model_id != asked.model->model_id)
    fail(ErrorCode::kUnavailable, "another model took over meanwhile: send this again");
  const auto patches = std::int64_t(result.patches.size() / result.embedding.size());
  const HeatMap map = heat_map(*asked.model->findings, asked.model->head, result.patches, patches, asked.label);
  if (asked.as_png) return png_response(asked, map);
  Json json = to_json(map, asked.abstained);
  json["model_id"] = asked.model->model_id;
  json["sop_instance_uid"] = asked.film.attributes.sop_instance_uid;
  json["window"] = to_json(asked.film.window);
  return json_response(json);
}

void post_heatmap(Worker& worker, Explanations& explanations, RequestPool& later, const HttpRequest& request,
                  const HttpReply& reply) {
  Arguments arguments(request);
  const std::string finding = arguments.text("finding", "");
  const auto asked = std::make_shared<Explaining>();
  asked->as_png = arguments.choice("output", "json", {"json", "png"}) == "png";
  const std::string model_id = arguments.text("model-id", "");
  arguments.finish();
  if (finding.empty()) fail(ErrorCode::kInvalidArgument, "name the 'finding' that is to be explained");
  asked->model = explanations.of(model_asked(worker, model_id));
  asked->label = label_named(asked->model->head, finding);
  const PipelineItem object = item_from_body(request);
  auto decoded = capture([&] { return worker.decode(source_of(object), asked->model->recipe, kFilmSide); });
  if (!decoded.ok()) return reply(error_response(decoded.error(), {{"reason_code", decode_reason(decoded.error())}}));
  asked->film = std::move(*decoded);
  if (!asked->film.gate.accepted()) return reply(refusal_of(asked->film.gate));
  asked->abstained = asked->model->abstention_from(asked->film);
  PipelineItem item;
  item.content = NormalizedPixels{std::move(asked->film.pixels)};
  item.with_patches = true;
  WorkTicket ticket;
  ticket.keep = false;
  worker.submit(std::move(item), ticket, [asked, reply, &later](PipelineOutcome outcome) {
    const auto shared = std::make_shared<PipelineOutcome>(std::move(outcome));
    const auto answer = [asked, reply, shared] {
      const Result<HttpResponse> response = capture([&] { return explained(*asked, *shared); });
      reply(response.ok() ? *response : error_response(response.error()));
    };
    if (!later.try_post(answer))
      reply(error_response({ErrorCode::kUnavailable, "too many requests are waiting: try again shortly"}));
  });
}

}  // namespace

void add_heatmap_route(Router& router, Worker& worker, RequestPool& later) {
  const auto explanations = std::make_shared<Explanations>();
  router.add("POST", "/v1/heatmap",
             [&, explanations](const HttpRequest& request, const PathParameters&, const HttpReply& reply) {
               const auto posted = capture([&] { post_heatmap(worker, *explanations, later, request, reply); });
               if (!posted.ok()) reply(error_response(posted.error()));
             });
}

}  // namespace chexworld
