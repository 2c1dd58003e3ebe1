// SPDX-License-Identifier: Apache-2.0
//
// Records to put into a store, different for each number.
#pragma once

#include "store/store.h"

#include <string>

namespace chexworld::test {

ModelRecord sample_model(const std::string& id = "model-a");
InstanceRecord sample_instance(int number);
Location sample_location(int number, const std::string& server = "server-1");
ResultRecord sample_result(int number, const ModelRecord& model);
/// sample_instance, sample_location and sample_result, done without a claim.
Outcome sample_outcome(int number, const ModelRecord& model);
Outcome done(const ClaimedWork& work, int number, const ModelRecord& model);

/// The number in sample_location(number).
int number_of(const Location& location);

}  // namespace chexworld::test
