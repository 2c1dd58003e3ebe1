// SPDX-License-Identifier: Apache-2.0
#include "plain_encoder.h"

#include <algorithm>
#include <cmath>

namespace chexworld::test {
namespace {

using Rows = std::vector<std::vector<double>>;

class PlainEncoder {
 public:
  explicit PlainEncoder(const RandomBundle& bundle) : bundle_(bundle), shape_(bundle.config.encoder) {}

  Rows tokens(const float* image) const {
    Rows x = linear(patches_of(image), "patch_embed.proj");
    for (std::size_t n = 0; n < x.size(); ++n) {
      for (std::size_t i = 0; i < x[n].size(); ++i) x[n][i] += values("pos_embed")[n * x[n].size() + i];
    }
    for (std::int64_t i = 0; i < shape_.depth; ++i) block(x, "blocks." + std::to_string(i) + ".");
    return norm(x, "norm");
  }

 private:
  const std::vector<float>& values(const std::string& name) const { return bundle_.values.at("encoder." + name); }

  Rows patches_of(const float* image) const {
    const std::int64_t patch = shape_.patch_size, side = shape_.image_size, grid = side / patch;
    Rows rows;
    for (std::int64_t n = 0; n < grid * grid; ++n) {
      std::vector<double> row;
      for (std::int64_t c = 0; c < shape_.channels; ++c) {
        for (std::int64_t y = 0; y < patch; ++y) {
          for (std::int64_t x = 0; x < patch; ++x)
            row.push_back(image[(c * side + n / grid * patch + y) * side + n % grid * patch + x]);
        }
      }
      rows.push_back(row);
    }
    return rows;
  }

  Rows linear(const Rows& x, const std::string& name) const {
    const auto& weight = values(name + ".weight");
    const auto& bias = values(name + ".bias");
    Rows y(x.size(), std::vector<double>(bias.begin(), bias.end()));
    for (std::size_t n = 0; n < x.size(); ++n) {
      for (std::size_t o = 0; o < bias.size(); ++o) {
        for (std::size_t i = 0; i < x[n].size(); ++i) y[n][o] += double(weight[o * x[n].size() + i]) * x[n][i];
      }
    }
    return y;
  }

  Rows norm(const Rows& x, const std::string& name) const {
    Rows y = x;
    for (auto& row : y) {
      double mean = 0, variance = 0;
      for (const double value : row) mean += value / double(row.size());
      for (const double value : row) variance += (value - mean) * (value - mean) / double(row.size());
      for (std::size_t i = 0; i < row.size(); ++i)
        row[i] = (row[i] - mean) / std::sqrt(variance + shape_.norm_eps) * values(name + ".weight")[i] +
                 values(name + ".bias")[i];
    }
    return y;
  }

  Rows attention(const Rows& qkv) const {
    const auto width = std::size_t(shape_.width), part = width / std::size_t(shape_.heads);
    Rows out(qkv.size(), std::vector<double>(width, 0.0));
    for (std::size_t h = 0; h < std::size_t(shape_.heads); ++h) {
      for (std::size_t n = 0; n < qkv.size(); ++n) {
        std::vector<double> weight(qkv.size(), 0.0);
        double sum = 0;
        for (std::size_t m = 0; m < qkv.size(); ++m) {
          for (std::size_t i = 0; i < part; ++i) weight[m] += qkv[n][h * part + i] * qkv[m][width + h * part + i];
          sum += weight[m] = std::exp(weight[m] / std::sqrt(double(part)));
        }
        for (std::size_t m = 0; m < qkv.size(); ++m) {
          for (std::size_t i = 0; i < part; ++i)
            out[n][h * part + i] += weight[m] / sum * qkv[m][2 * width + h * part + i];
        }
      }
    }
    return out;
  }

  static void add(Rows& x, const Rows& more) {
    for (std::size_t n = 0; n < x.size(); ++n) {
      for (std::size_t i = 0; i < x[n].size(); ++i) x[n][i] += more[n][i];
    }
  }

  void block(Rows& x, const std::string& name) const {
    add(x, linear(attention(linear(norm(x, name + "norm1"), name + "attn.qkv")), name + "attn.proj"));
    Rows hidden = linear(norm(x, name + "norm2"), name + "mlp.fc1");
    for (auto& row : hidden) {
      for (double& value : row) value = 0.5 * value * (1 + std::erf(value / std::sqrt(2.0)));
    }
    add(x, linear(hidden, name + "mlp.fc2"));
  }

  const RandomBundle& bundle_;
  const EncoderShape& shape_;
};

}  // namespace

std::vector<double> plain_tokens(const RandomBundle& bundle, const std::vector<float>& images) {
  const EncoderShape& shape = bundle.config.encoder;
  const auto each = std::size_t(shape.channels * shape.image_size * shape.image_size);
  std::vector<double> tokens;
  for (std::size_t first = 0; first < images.size(); first += each) {
    for (const auto& row : PlainEncoder(bundle).tokens(images.data() + first))
      tokens.insert(tokens.end(), row.begin(), row.end());
  }
  return tokens;
}

std::vector<double> plain_embedding(const std::vector<double>& tokens, std::int64_t patches, std::int64_t width) {
  const auto step = std::size_t(width), count = std::size_t(patches);
  std::vector<double> embedding(tokens.size() / count, 0.0);
  for (std::size_t i = 0; i < tokens.size(); ++i)
    embedding[i / (step * count) * step + i % step] += tokens[i] / double(count);
  return embedding;
}

double relative_error(const std::vector<float>& values, const std::vector<double>& expected) {
  if (values.size() != expected.size()) return INFINITY;
  double difference = 0, largest = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    difference = std::max(difference, std::abs(double(values[i]) - expected[i]));
    largest = std::max(largest, std::abs(expected[i]));
  }
  return difference / largest;
}

double least_row_cosine(const std::vector<float>& values, const std::vector<double>& expected, std::int64_t width) {
  double least = 1;
  const auto step = std::size_t(width);
  for (std::size_t row = 0; row < values.size(); row += step) {
    double product = 0, a = 0, b = 0;
    for (std::size_t i = row; i < row + step; ++i) {
      product += double(values[i]) * expected[i];
      a += double(values[i]) * double(values[i]);
      b += expected[i] * expected[i];
    }
    least = std::min(least, product / std::sqrt(a * b));
  }
  return least;
}

}  // namespace chexworld::test
