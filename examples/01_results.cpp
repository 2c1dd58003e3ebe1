// SPDX-License-Identifier: Apache-2.0
//
// Links the library and handles its results: a value or one clear sentence, never a surprise.
#include <chexworld/result.h>
#include <chexworld/version.h>

#include <cstdio>
#include <string>

chexworld::Result<int> grid_side(int image_size_px, int patch_size_px) {
  if (patch_size_px <= 0 || image_size_px % patch_size_px != 0)
    return chexworld::Error(chexworld::ErrorCode::kInvalidArgument,
                            "image size " + std::to_string(image_size_px) + " is no multiple of the patch size");
  return image_size_px / patch_size_px;
}

int main() {
  std::printf("chexworld %s\n", chexworld::version().data());
  const auto good = grid_side(224, 16);
  const auto bad = grid_side(224, 15);
  std::printf("a 224 px film has %d x %d patches\n", *good, *good);
  std::printf("error %s: %s\n", name_of(bad.error().code()).data(), bad.error().message().c_str());
  return good.ok() && !bad.ok() ? 0 : 1;
}
