// SPDX-License-Identifier: Apache-2.0
//
// What torch's own reconstruction functions mean, read from their arguments.
#pragma once

#include "bundle/checkpoint.h"
#include "bundle/pickle.h"
#include "bundle/storage.h"

#include <optional>
#include <string>

namespace chexworld {

/// The tensor that `object` stands for, checked against its storage's claim; nothing if it is something else or of
/// an element type that DataType has not. Throws Failure(kMalformed) for arguments that lie; the name is left empty.
std::optional<CheckpointTensor> describe_tensor(const PickleGraph& graph, const PickleNode& object);

/// Throws Failure(kMalformed) unless every element lies within a storage of `storage_elements`.
void check_strides(const CheckpointTensor& tensor, std::uint64_t storage_elements);

/// Whether the elements lie one after the other, last dimension fastest.
bool is_dense(const CheckpointTensor& tensor);

/// Copies the elements of `tensor` out of its storage, dense and row-major, to `out`.
void gather(const CheckpointTensor& tensor, std::span<const std::byte> storage, std::byte* out);

}  // namespace chexworld
