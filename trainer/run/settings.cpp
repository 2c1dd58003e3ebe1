// SPDX-License-Identifier: Apache-2.0
#include "trainer/run/settings.h"

#include "base/failure.h"

namespace chexworld {

void SettingReader::operator()(const char* key, Range& value, RealSetting allowed, const char*) {
  const auto found = object.find(key);
  if (found == object.end()) return;
  const auto fits = [&](const Json& v) {
    return v.is_number() && v.get<double>() >= allowed.least && v.get<double>() <= allowed.most;
  };
  if (!found->is_array() || found->size() != 2 || !fits(found->at(0)) || !fits(found->at(1)))
    fail(ErrorCode::kInvalidArgument, where + ": '" + key + "' must be a list of 2 numbers from " +
                                          Json(allowed.least).dump() + " to " + Json(allowed.most).dump() + ", not " +
                                          found->dump());
  value = {found->at(0).get<double>(), found->at(1).get<double>()};
}

}  // namespace chexworld
