// SPDX-License-Identifier: Apache-2.0
//
// Item 7: every 8-bit picture equal, every normalised one within rounding.
#include "image/adjust.h"
#include "image/blur.h"
#include "image/prepare.h"
#include "reference_item.h"
#include "support/test_data.h"
#include "views/dual_view.h"

#include <algorithm>
#include <cmath>

namespace chexworld {
namespace {

constexpr double kNormalizedTolerance = 1e-6;

class AugmentationReference : public test::ReferenceSuite<AugmentationReference> {
 public:
  static constexpr const char* kItem = "augmentation";

 protected:
  Normalization normalization() {
    Normalization result;
    for (std::size_t c = 0; c < 3; ++c) {
      result.mean[c] = item().json("mean").at(c).get<float>();
      result.deviation[c] = item().json("std").at(c).get<float>();
    }
    return result;
  }

  void expect_equal(const GrayImage& found, const std::string& name) {
    const GrayImage expected = item().picture(name);
    ASSERT_EQ(found.width, expected.width) << name;
    ASSERT_EQ(found.height, expected.height) << name;
    std::size_t different = 0;
    for (std::size_t i = 0; i < expected.pixels.size(); ++i) different += found.pixels[i] != expected.pixels[i];
    EXPECT_EQ(different, 0u) << name << ": pixels that differ of " << expected.pixels.size();
  }

  // Normalised within tolerance, and the 8-bit picture behind it equal.
  void expect_normalized(const GrayImage& found, const std::string& name) {
    const std::vector<float> expected = item().floats(name);
    ASSERT_EQ(expected.size(), found.pixels.size() * 3) << name;
    std::vector<float> values(expected.size());
    normalize(found, normalization(), values);
    double largest = 0;
    std::size_t different = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      largest = std::max(largest, std::abs(double(values[i]) - expected[i]));
      const std::size_t c = i / found.pixels.size();
      const double gray = (double(expected[i]) * normalization().deviation[c] + normalization().mean[c]) * 255;
      different += std::lround(gray) != found.pixels[i % found.pixels.size()];
    }
    EXPECT_LE(largest, kNormalizedTolerance) << name;
    EXPECT_EQ(different, 0u) << name << ": grey values that differ";
  }

  DualViewPlan plan_of(const Json& geometry, const std::string& name) {
    DualViewPlan plan;
    plan.film_width = geometry.at("width");
    for (std::size_t v = 0; v < 2; ++v) {
      const std::string number = std::to_string(v + 1);
      const std::vector<float> a = item().floats(name + "/aug_params" + number);
      plan.views[v].flipped = geometry.at("flip" + number);
      plan.views[v].crop = {geometry.at("i" + number), geometry.at("j" + number), geometry.at("h"), geometry.at("w")};
      plan.views[v].action = Action::from_values({a.at(0), a.at(1), a.at(2), a.at(3), a.at(4)});
    }
    return plan;
  }

  void expect_position(const RelativePosition& found, const std::string& name) {
    const std::vector<float> expected = item().floats(name);
    ASSERT_EQ(expected.size(), found.size()) << name;
    for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i], expected[i]) << name << " entry " << i;
  }

  template <class Operation>
  void expect_each(const std::string& key, Operation operation) {
    const GrayImage image = item().picture("image");
    const Json& arguments = item().json(key);
    for (std::size_t i = 0; i < arguments.size(); ++i)
      expect_equal(operation(image, arguments[i].get<double>()), key + "." + std::to_string(i));
    test::report_coverage(key, arguments.size(), arguments.size());
  }
};

TEST_F(AugmentationReference, SourceHasTheSizeThatIsTold) {
  const GrayImage image = item().picture("image");
  EXPECT_EQ(image.width, item().json("width").get<int>());
  EXPECT_EQ(image.height, item().json("height").get<int>());
  EXPECT_TRUE(item().json("layout").is_string());
}

TEST_F(AugmentationReference, Brightness) { expect_each("brightness", adjust_brightness); }
TEST_F(AugmentationReference, Contrast) { expect_each("contrast", adjust_contrast); }
TEST_F(AugmentationReference, Gamma) { expect_each("gamma", adjust_gamma); }
TEST_F(AugmentationReference, Blur) { expect_each("blur", gaussian_blur); }
TEST_F(AugmentationReference, Flip) { expect_equal(flip_horizontally(item().picture("image")), "hflip"); }
TEST_F(AugmentationReference, Normalized) { expect_normalized(item().picture("image"), "normalized"); }

TEST_F(AugmentationReference, Noise) {
  const GrayImage image = item().picture("image");
  const Json& sigmas = item().json("noise");
  for (std::size_t i = 0; i < sigmas.size(); ++i) {
    const std::string name = "noise." + std::to_string(i);
    const std::vector<std::uint8_t> noisy = add_noise(image, item().floats(name + "/field"), sigmas[i].get<double>());
    EXPECT_EQ(noisy, item().bytes(name + "/out")) << name;
  }
}

TEST_F(AugmentationReference, WholeAction) {
  const GrayImage image = item().picture("image");
  const Json& chain = item().json("chain");
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const std::string name = "chain." + std::to_string(i);
    const std::vector<float> values = item().floats(name + "/params");
    ASSERT_EQ(values.size(), 5u) << name;
    for (std::size_t k = 0; k < 5; ++k) EXPECT_FLOAT_EQ(values[k], chain[i][k].get<float>()) << name;
    StreamRandom unused({});
    const Action action = Action::from_values({values[0], values[1], values[2], values[3], values[4]});
    const GrayImage context = apply_action(image, action, unused);
    expect_equal(context, name + "/out");
    if (item().has(name + "/normalized")) expect_normalized(context, name + "/normalized");
  }
}

TEST_F(AugmentationReference, ResizedCrop) {
  const GrayImage image = item().picture("image");
  const Json& cases = item().json("resized_crop");
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const std::string name = "resized_crop." + std::to_string(i);
    test::require_known_keys(cases[i], {"i", "j", "h", "w", "out"}, name);
    const PixelRect rect{cases[i].at("i"), cases[i].at("j"), cases[i].at("h"), cases[i].at("w")};
    const int out = cases[i].at("out");
    expect_equal(resized_crop(image, rect, {out, out}), name);
  }
}

TEST_F(AugmentationReference, EvaluationTransform) {
  const GrayImage image = item().picture("image");
  const Json& cases = item().json("eval_transform");
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const std::string name = "eval." + std::to_string(i);
    test::require_known_keys(cases[i], {"resize_size", "input_size", "resized_w", "resized_h"}, name);
    const EvaluationSize size{cases[i].at("resize_size"), cases[i].at("input_size")};
    const GrayImage resized = resize_short_side(image, size.resize);
    EXPECT_EQ(resized.width, cases[i].at("resized_w").get<int>()) << name;
    EXPECT_EQ(resized.height, cases[i].at("resized_h").get<int>()) << name;
    expect_equal(resized, name + "/resized");
    const GrayImage view = evaluation_view(image, size);
    expect_equal(view, name + "/cropped");
    if (item().has(name + "/normalized")) expect_normalized(view, name + "/normalized");
  }
}

TEST_F(AugmentationReference, PreparationIsTheEvaluationTransform) {
  const GrayImage image = item().picture("image");
  const Json& cases = item().json("eval_transform");
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const std::string name = "eval." + std::to_string(i);
    PreparationRecipe recipe;
    recipe.size = {cases[i].at("resize_size"), cases[i].at("input_size")};
    recipe.normalization = normalization();
    expect_equal(fitted_view(image, recipe), name + "/cropped");
    if (!item().has(name + "/normalized")) continue;
    const std::vector<float> expected = item().floats(name + "/normalized"), input = prepare(image, recipe);
    ASSERT_EQ(input.size(), expected.size());
    for (std::size_t k = 0; k < input.size(); ++k) ASSERT_NEAR(input[k], expected[k], kNormalizedTolerance) << name;
  }
}

TEST_F(AugmentationReference, DualView) {
  const GrayImage image = item().picture("dual/image");
  const Json& cases = item().json("dual");
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const std::string name = "dual." + std::to_string(i);
    test::require_known_keys(cases[i], {"width", "height", "flip1", "flip2", "i1", "j1", "h", "w", "i2", "j2", "out"},
                             name);
    const DualViewPlan plan = plan_of(cases[i], name);
    const DualView views = make_dual_view(image, plan, cases[i].at("out"), {});
    for (std::size_t v = 0; v < 2; ++v) {
      expect_normalized(views.views[v], name + "/image" + std::to_string(v + 1));
      expect_normalized(views.contexts[v], name + "/image_aug" + std::to_string(v + 1));
    }
    expect_position(second_seen_from_first(plan), name + "/rel_pos_21");
    expect_position(first_seen_from_second(plan), name + "/rel_pos_12");
  }
}

}  // namespace
}  // namespace chexworld
