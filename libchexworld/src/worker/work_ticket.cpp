// SPDX-License-Identifier: Apache-2.0
#include "worker/work_ticket.h"

namespace chexworld {

std::map<std::string, std::string> WorkTicket::to_attributes() const {
  std::map<std::string, std::string> attributes;
  if (!keep) attributes["keep"] = "no";
  if (!location.server.empty()) {
    attributes["server"] = location.server;
    attributes["instance"] = location.instance_id;
    attributes["series"] = location.series_id;
    attributes["study"] = location.study_id;
  }
  if (lease) {
    attributes["work"] = std::to_string(lease->work);
    attributes["claim"] = std::to_string(lease->claim);
  }
  if (cursor) {
    attributes["cursor-server"] = cursor->server;
    attributes["cursor-from"] = std::to_string(cursor->from);
    attributes["cursor-to"] = std::to_string(cursor->to);
  }
  return attributes;
}

WorkTicket WorkTicket::from_attributes(const std::map<std::string, std::string>& attributes) {
  const auto text = [&](const char* name) {
    const auto found = attributes.find(name);
    return found == attributes.end() ? std::string() : found->second;
  };
  WorkTicket ticket;
  ticket.keep = !attributes.contains("keep");
  ticket.location = {text("server"), text("instance"), text("series"), text("study")};
  if (attributes.contains("work")) ticket.lease = Lease{std::stoll(text("work")), std::stoll(text("claim"))};
  if (attributes.contains("cursor-server"))
    ticket.cursor =
        CursorAdvance{text("cursor-server"), std::stoull(text("cursor-from")), std::stoull(text("cursor-to"))};
  return ticket;
}

}  // namespace chexworld
