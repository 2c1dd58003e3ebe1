// SPDX-License-Identifier: Apache-2.0
//
// Files offered as the next model that must not become it.
#include "support/broken_bundles.h"
#include "base/file.h"
#include "real_models.h"

#include <atomic>
#include <gtest/gtest.h>
#include <thread>

namespace chexworld::test {
namespace {

TEST(BrokenBundles, NoneTakesOverAndNobodyNotices) {
  const RealModels models(1, small_shape(), 2);
  const std::vector<BrokenBundle> offers = broken_bundles(models.id(0));
  ASSERT_GE(offers.size(), 40u);
  Pipeline pipeline = Pipeline::open(models.path(0), plain_options()).value();
  std::atomic<bool> stop = false;
  std::atomic<int> wrong = 0;
  std::thread load([&] {
    for (std::size_t i = 0; !stop; ++i) wrong += !models.is_right(pipeline.submit(models.item(i)).value().get());
  });
  const std::filesystem::path path = models.folder / "offer.safetensors";
  for (const BrokenBundle& offer : offers) {
    write_file_atomically(path, offer.bytes);
    const auto model = pipeline.activate(path, offer.expected_id);
    EXPECT_FALSE(model.ok()) << offer.name;
    if (model.ok()) continue;
    EXPECT_NE(model.error().message().find("offer.safetensors"), std::string::npos)
        << offer.name << ": " << model.error().message();
    EXPECT_NE(model.error().code(), ErrorCode::kInternal) << offer.name << ": " << model.error().message();
    EXPECT_EQ(pipeline.model().model_id, models.id(0)) << offer.name;
  }
  EXPECT_FALSE(pipeline.activate(models.folder / "absent").ok());
  EXPECT_FALSE(pipeline.activate(models.folder.path()).ok());
  stop = true;
  load.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(pipeline.stats().switches, 0u);
  write_file_atomically(path, unbroken_bundle());
  EXPECT_TRUE(pipeline.activate(path).ok());
}

}  // namespace
}  // namespace chexworld::test
