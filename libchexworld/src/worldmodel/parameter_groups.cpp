// SPDX-License-Identifier: Apache-2.0
#include "worldmodel/parameter_groups.h"

#include <charconv>
#include <cmath>

namespace chexworld {
namespace {

/// The id of a parameter of the encoder, or `last` for everything that is not between its input and its blocks.
std::int64_t layer_id(std::string_view name, std::string_view encoder_prefix, std::int64_t last) {
  if (!name.starts_with(encoder_prefix)) return last;
  name.remove_prefix(encoder_prefix.size());
  if (name == "pos_embed" || name.starts_with("patch_embed.")) return 0;
  constexpr std::string_view kBlocks = "blocks.";
  if (!name.starts_with(kBlocks)) return last;
  std::int64_t block = last;
  std::from_chars(name.data() + kBlocks.size(), name.data() + name.size(), block);
  return block + 1;
}

}  // namespace

std::vector<ParameterGroup> pretraining_groups(const std::vector<NamedTensor>& parameters, double weight_decay) {
  std::vector<ParameterGroup> groups{{{}, 0, 1}, {{}, weight_decay, 1}};
  for (const NamedTensor& parameter : parameters) {
    if (!parameter.tensor.requires_grad()) continue;
    const bool plain = parameter.tensor.dim() == 1 || parameter.name.ends_with(".bias");
    groups[plain ? 0 : 1].parameters.push_back(parameter);
  }
  return groups;
}

std::vector<ParameterGroup> layer_decay_groups(const std::vector<NamedTensor>& parameters,
                                               const std::string& encoder_prefix, std::int64_t depth,
                                               double layer_decay, double weight_decay) {
  const std::int64_t last = depth + 1;
  std::vector<std::pair<std::int64_t, bool>> keys;  // layer id, decayed
  std::vector<ParameterGroup> groups;
  for (const NamedTensor& parameter : parameters) {
    if (!parameter.tensor.requires_grad()) continue;
    const std::pair key{layer_id(parameter.name, encoder_prefix, last), parameter.tensor.dim() != 1};
    const auto found = std::find(keys.begin(), keys.end(), key);
    const auto index = std::size_t(found - keys.begin());
    if (found == keys.end()) {
      keys.push_back(key);
      groups.push_back({{}, key.second ? weight_decay : 0, std::pow(layer_decay, double(last - key.first))});
    }
    groups[index].parameters.push_back(parameter);
  }
  return groups;
}

}  // namespace chexworld
