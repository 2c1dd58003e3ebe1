// SPDX-License-Identifier: Apache-2.0
//
// Item 8: the released code's masks repeated exactly, and the same statistics from our own generator.
#include "reference_item.h"
#include "support/test_data.h"
#include "views/masks.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace chexworld {
namespace {

const std::set<std::string> kKnownKeys = {"grid_h",
                                          "grid_w",
                                          "patch_size",
                                          "batch_size",
                                          "batches",
                                          "nenc",
                                          "npred",
                                          "merge",
                                          "min_keep",
                                          "pred_mask_scale",
                                          "enc_mask_scale",
                                          "aspect_ratio",
                                          "enc_aspect_ratio",
                                          "first_step",
                                          "global_seed",
                                          "target_lists",
                                          "context_len",
                                          "target_len",
                                          "mean_target_coverage",
                                          "mean_context_coverage",
                                          "samples_where_context_overlaps_target",
                                          "relaxed_retries"};

Range range_of(const Json& pair) { return {pair.at(0).get<double>(), pair.at(1).get<double>()}; }

MaskSettings settings_of(const Json& options) {
  MaskSettings settings;
  settings.grid_height = options.at("grid_h");
  settings.grid_width = options.at("grid_w");
  settings.target_scale = range_of(options.at("pred_mask_scale"));
  settings.target_aspect = range_of(options.at("aspect_ratio"));
  settings.context_scale = range_of(options.at("enc_mask_scale"));
  settings.context_aspect = range_of(options.at("enc_aspect_ratio"));
  settings.targets = options.at("npred");
  settings.contexts = options.at("nenc");
  settings.merge_targets = options.at("merge");
  settings.min_keep = options.at("min_keep");
  return settings;
}

// What the batches of one run are like.
struct Statistics {
  std::vector<std::int64_t> context_length;  // per batch
  std::vector<std::int64_t> target_length;   // per batch and target list
  std::vector<double> target_share;          // per patch
  std::vector<double> context_share;
  std::size_t samples = 0;
};

std::vector<bool> patches_of(const std::vector<IndexTable>& tables, std::int64_t row, std::size_t patches) {
  std::vector<bool> covered(patches);
  for (const IndexTable& table : tables)
    for (const std::int64_t index : table.row(row)) covered.at(std::size_t(index)) = true;
  return covered;
}

void add_batch(const MaskBatch& batch, std::size_t patches, Statistics& statistics) {
  statistics.context_length.push_back(batch.contexts.at(0).length);
  for (const IndexTable& table : batch.targets) statistics.target_length.push_back(table.length);
  statistics.target_share.resize(patches);
  statistics.context_share.resize(patches);
  for (std::int64_t row = 0; row < batch.contexts[0].rows; ++row, ++statistics.samples) {
    const auto target = patches_of(batch.targets, row, patches);
    const auto context = patches_of(batch.contexts, row, patches);
    for (std::size_t i = 0; i < patches; ++i) {
      ASSERT_FALSE(target[i] && context[i]) << "patch " << i << " is both context and target";
      statistics.target_share[i] += target[i];
      statistics.context_share[i] += context[i];
    }
  }
}

// Largest distance between the two empirical distributions (Kolmogorov and Smirnov).
double distance(std::vector<std::int64_t> a, std::vector<std::int64_t> b) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  const auto share = [](const std::vector<std::int64_t>& sorted, std::int64_t value) {
    return double(std::upper_bound(sorted.begin(), sorted.end(), value) - sorted.begin()) / double(sorted.size());
  };
  double largest = 0;
  for (const std::int64_t value : a) largest = std::max(largest, std::abs(share(a, value) - share(b, value)));
  for (const std::int64_t value : b) largest = std::max(largest, std::abs(share(a, value) - share(b, value)));
  return largest;
}

double mean_of(const std::vector<std::int64_t>& values) {
  return double(std::accumulate(values.begin(), values.end(), std::int64_t(0))) / double(values.size());
}

double deviation_of(const std::vector<std::int64_t>& values) {
  double sum = 0;
  for (const std::int64_t value : values) sum += (double(value) - mean_of(values)) * (double(value) - mean_of(values));
  return std::sqrt(sum / double(values.size()));
}

class MasksReference : public test::ReferenceSuite<MasksReference> {
 public:
  static constexpr const char* kItem = "masks";

 protected:
  // Runs `check(options, key prefix)` for every case.
  template <class Check>
  void for_each_case(Check check) {
    const Json& cases = item().json("cases");
    for (std::size_t k = 0; k < cases.size(); ++k) {
      const std::string prefix = "case" + std::to_string(k) + "/";
      SCOPED_TRACE(prefix);
      test::require_known_keys(cases[k], kKnownKeys, prefix);
      check(cases[k], prefix);
    }
    test::report_coverage("mask settings", cases.size(), cases.size());
  }

  void expect_example(const MaskBatch& batch, const std::string& example) {
    const auto expect_table = [&](const IndexTable& table, const std::string& name) {
      ASSERT_EQ(item().shape(name), (std::vector<std::int64_t>{table.rows, table.length})) << name;
      EXPECT_EQ(table.values, item().integers(name)) << name;
    };
    for (std::size_t e = 0; e < batch.contexts.size(); ++e)
      expect_table(batch.contexts[e], example + "/masks_enc." + std::to_string(e));
    for (std::size_t q = 0; q < batch.targets.size(); ++q)
      expect_table(batch.targets[q], example + "/masks_pred." + std::to_string(q));
  }

  void expect_shares(const std::vector<double>& counts, std::size_t samples, const std::string& name, double errors) {
    const std::vector<float> expected = item().floats(name);
    const std::vector<float> error = item().floats(name + "_se");
    ASSERT_EQ(expected.size(), counts.size());
    for (std::size_t i = 0; i < counts.size(); ++i) {
      const double allowed = errors * std::max(double(error[i]), 1.0 / double(samples)) + 1e-6;
      EXPECT_NEAR(counts[i] / double(samples), expected[i], allowed) << name << " patch " << i;
    }
  }

  void expect_lengths(const std::vector<std::int64_t>& found, const Json& expected, const std::string& name) {
    const std::vector<std::int64_t> reference = item().integers(name);
    const double batches = double(std::min(found.size(), reference.size()));
    const double spread = expected.at("std").get<double>();
    // Chance of a false alarm 1e-6 each: 2.7 sqrt(2 / n) for distributions, 5 standard errors for mean and deviation.
    const double bound = 2.7 * std::sqrt(2.0 / batches);
    EXPECT_LE(distance(found, reference), bound) << name;
    EXPECT_NEAR(mean_of(found), expected.at("mean").get<double>(), 5 * spread * std::sqrt(2 / batches)) << name;
    EXPECT_NEAR(deviation_of(found), spread, 5 * spread * std::sqrt(2 / batches)) << name;
    for (const auto& [percent, value] : expected.at("percentiles").items()) {
      const double at = value.get<double>();
      const double share = std::stod(percent) / 100;
      const auto below =
          std::count_if(found.begin(), found.end(), [&](std::int64_t n) { return double(n) < at - 0.5; });
      const auto above =
          std::count_if(found.begin(), found.end(), [&](std::int64_t n) { return double(n) > at + 0.5; });
      EXPECT_LE(double(below) / double(found.size()), share + bound) << name << " percentile " << percent;
      EXPECT_LE(double(above) / double(found.size()), 1 - share + bound) << name << " percentile " << percent;
    }
  }
};

TEST_F(MasksReference, RepeatedExactly) {
  for_each_case([&](const Json& options, const std::string& prefix) {
    ASSERT_EQ(options.at("relaxed_retries"), 0) << "the released code let sets overlap here: not repeatable";
    const MaskSampler sampler(settings_of(options));
    const std::size_t patches = std::size_t(options.at("grid_h").get<int>()) * options.at("grid_w").get<std::size_t>();
    PyTorchRandom positions(options.at("global_seed").get<std::uint64_t>());
    const std::vector<std::int64_t> block_sizes = item().integers(prefix + "block_sizes");
    Statistics statistics;
    std::size_t examples = 0;
    for (std::size_t b = 0; b < options.at("batches").get<std::size_t>(); ++b) {
      const std::uint64_t step = options.at("first_step").get<std::uint64_t>() + b;
      PyTorchRandom sizes(step);
      const BlockSizes drawn = sampler.draw_sizes(sizes);
      ASSERT_EQ((std::vector<std::int64_t>{drawn.target.height, drawn.target.width, drawn.context.height,
                                           drawn.context.width}),
                std::vector<std::int64_t>(block_sizes.begin() + std::ptrdiff_t(4 * b),
                                          block_sizes.begin() + std::ptrdiff_t(4 * b) + 4));
      PyTorchRandom same_sizes(step);
      const MaskBatch batch = draw_batch(sampler, options.at("batch_size"), same_sizes, positions);
      add_batch(batch, patches, statistics);
      const std::string example = prefix + "example." + std::to_string(b);
      if (!item().has(example + "/masks_enc.0")) continue;
      expect_example(batch, example);
      ++examples;
    }
    EXPECT_GT(examples, 0u);
    EXPECT_EQ(statistics.context_length, item().integers(prefix + "context_len"));
    EXPECT_EQ(statistics.target_length, item().integers(prefix + "target_len"));
    expect_shares(statistics.target_share, statistics.samples, prefix + "target_prob", 0);
    expect_shares(statistics.context_share, statistics.samples, prefix + "context_prob", 0);
  });
}

TEST_F(MasksReference, OurOwnGeneratorGivesTheSameStatistics) {
  for_each_case([&](const Json& options, const std::string& prefix) {
    const MaskSampler sampler(settings_of(options));
    const std::size_t patches = std::size_t(options.at("grid_h").get<int>()) * options.at("grid_w").get<std::size_t>();
    const std::int64_t size = options.at("batch_size");
    Statistics statistics;
    for (std::int64_t b = 0; b < options.at("batches").get<std::int64_t>(); ++b) {
      std::vector<std::int64_t> samples(static_cast<std::size_t>(size));
      std::iota(samples.begin(), samples.end(), b * size);
      add_batch(draw_batch(sampler, 20250413, 0, std::uint64_t(b), samples), patches, statistics);
    }
    // Two independent samples: their difference has sqrt(2) standard errors; 5 of those.
    expect_shares(statistics.target_share, statistics.samples, prefix + "target_prob", 5 * std::sqrt(2.0));
    expect_shares(statistics.context_share, statistics.samples, prefix + "context_prob", 5 * std::sqrt(2.0));
    expect_lengths(statistics.context_length, options.at("context_len"), prefix + "context_len");
    expect_lengths(statistics.target_length, options.at("target_len"), prefix + "target_len");
  });
}

}  // namespace
}  // namespace chexworld
