// SPDX-License-Identifier: Apache-2.0
#include "infer/torch_offer.h"

namespace chexworld {
namespace {

TorchOffer& kept() {
  static TorchOffer offer;
  return offer;
}

}  // namespace

void offer_torch(const TorchOffer& offer) { kept() = offer; }
const TorchOffer& torch_offer() { return kept(); }

}  // namespace chexworld
