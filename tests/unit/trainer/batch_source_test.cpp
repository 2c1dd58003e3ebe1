// SPDX-License-Identifier: Apache-2.0
//
// Batches made on the training device from films that lie there, against those that the loader's threads make. The
// device is the CPU here: the code is the same.
#include "trainer/run/batch_source.h"

#include "support/temporary_folder.h"
#include "trainer/run/pretrain_config.h"
#include "unit/trainer/drawn_films.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

namespace chexworld::test {
namespace {

LoaderSettings settings(bool single_view) {
  PretrainConfig config;
  apply_settings(config,
                 {{"objective", single_view ? "ijepa" : "chexworld"},
                  {"image_size", 32},
                  {"patch_size", 4},
                  {"batch_size", 4},
                  {"noise_prob", 0.5},
                  {"blur_prob", 0.5},
                  {"mask_min_keep", 2}},
                 "test");
  return config.loader(0, 1);
}

/// One grey level in units of the normalised picture.
constexpr double kLevel = 1 / (255 * 0.224);

void expect_same_pictures(const at::Tensor& device, const at::Tensor& host, const char* what) {
  ASSERT_EQ(device.sizes(), host.sizes()) << what;
  const at::Tensor difference = (device - host).abs();
  EXPECT_LT(difference.mean().item<double>(), 0.02 * kLevel) << what;
  EXPECT_LT(difference.max().item<double>(), 4 * kLevel) << what;
}

class BatchSourceTest : public testing::Test {
 protected:
  BatchSource source(bool single_view, bool on_device, std::int64_t iteration = 0) const {
    return {archive_, all_films(archive_), settings(single_view), at::kCPU, on_device, iteration};
  }

  const TemporaryFolder folder_;
  const Archive archive_ = drawn_archive(folder_ / "archive", 18);
};

TEST_F(BatchSourceTest, TheDeviceMakesTheViewsThatTheHostMakes) {
  BatchSource on_host = source(false, false), on_device = source(false, true);
  for (int i = 0; i < 5; ++i) {  // into the second pass
    const DualViewBatch host = on_host.next_dual(), device = on_device.next_dual();
    expect_same_pictures(device.view1, host.view1, "view 1");
    expect_same_pictures(device.view2, host.view2, "view 2");
    expect_same_pictures(device.augmented1, host.augmented1, "context 1");
    expect_same_pictures(device.augmented2, host.augmented2, "context 2");
    EXPECT_TRUE(at::equal(device.action1, host.action1));
    EXPECT_TRUE(at::equal(device.relative_position12, host.relative_position12));
    EXPECT_TRUE(at::equal(device.context_positions2, host.context_positions2));
    EXPECT_TRUE(at::equal(device.target_positions1, host.target_positions1));
  }
}

TEST_F(BatchSourceTest, TheSameForOneView) {
  BatchSource on_host = source(true, false, 2), on_device = source(true, true, 2);
  const MaskedBatch host = on_host.next_masked(), device = on_device.next_masked();
  expect_same_pictures(device.images, host.images, "view");
  ASSERT_EQ(device.target_positions.size(), host.target_positions.size());
  EXPECT_TRUE(at::equal(device.context_positions, host.context_positions));
}

TEST_F(BatchSourceTest, FilmsComeBackFromTheStore) {
  const std::vector<std::int64_t> films = all_films(archive_);
  const FilmStore store(archive_, films, at::kCPU);
  const std::vector<std::int64_t> chosen{7, 3, 7};
  const FilmBatch batch = store.batch(chosen);
  std::vector<GrayImage> images;
  for (const std::int64_t film : chosen) images.push_back(archive_.film(film));
  EXPECT_TRUE(at::equal(batch.pixels, stack_films(images, at::kCPU).pixels));
  EXPECT_EQ(batch.sizes[1], archive_.film_size(3));
}

TEST(FilmsBelongOnDevice, WhereAskedForOrOnCudaWhereTheyFit) {
  EXPECT_TRUE(films_belong_on_device("yes", 1000, at::kCPU));
  EXPECT_FALSE(films_belong_on_device("no", 1000, at::kCPU));
  EXPECT_FALSE(films_belong_on_device("auto", 1000, at::kCPU));
}

}  // namespace
}  // namespace chexworld::test
