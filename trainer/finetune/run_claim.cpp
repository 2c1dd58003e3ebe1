// SPDX-License-Identifier: Apache-2.0
#include "trainer/finetune/run_claim.h"

#include "base/failure.h"
#include "base/file.h"

namespace chexworld {

Json binding_settings(Json settings) {
  for (const char* key : {"workers", "threads", "refit"}) settings.erase(key);
  return settings;
}

void claim_run_folder(const std::filesystem::path& folder, const Json& claim) {
  const auto file = folder / "config.json";
  if (std::filesystem::exists(file)) {
    Json before = read_config_file(file), now = claim;
    for (Json* json : {&before, &now})
      if (json->contains("settings")) (*json)["settings"] = binding_settings((*json)["settings"]);
    if (before != now)
      fail(ErrorCode::kInvalidArgument, folder.string() + " holds a run with other settings: choose another folder");
  }
  std::filesystem::create_directories(folder);
  write_file_atomically(file, claim.dump(2) + "\n");
}

}  // namespace chexworld
