// SPDX-License-Identifier: Apache-2.0
//
// Foreign checkpoints: whatever torch.save wrote, read as tensors with names and nothing else.
//
// Dictionaries, lists and tuples are walked; tensors are described and checked (storage, strides, sizes) before any
// byte is shown; every other object (an argument namespace, a NumPy scalar, a whole model) is skipped and listed,
// never made. Nothing in the file can run.
#pragma once

#include "base/mapped_file.h"
#include "bundle/pickle.h"

#include <chexworld/tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace chexworld {

class CheckpointContainer;

struct CheckpointLimits {
  PickleLimits pickle;
  std::size_t depth = 64;                   ///< of dictionaries and lists within each other
  std::size_t values = 1'000'000;           ///< visited in all
  std::size_t name_bytes = 64u << 20;       ///< of all names together
  std::uint64_t copied_bytes = 8ull << 30;  ///< for tensors that cannot be shown where they lie
};

/// One tensor of the file, by description.
struct CheckpointTensor {
  std::string
      name;  ///< the keys on the way to it, joined by '.': "model.encoder.norm.weight", "optimizer.state.0.step"
  DataType type = DataType::kF32;
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;  ///< in elements
  std::int64_t offset = 0;            ///< of the first element within the storage
  std::string storage;                ///< its key
};

/// A value that was not read.
struct SkippedValue {
  std::string name;            ///< as for tensors
  std::string what;            ///< "argparse.Namespace"
  bool holds_tensors = false;  ///< tensors were left out with it
};

/// An open checkpoint. Move-only; not thread safe.
class Checkpoint {
 public:
  /// Throws Failure naming the file and the place: kNotFound, kInputOutput, kMalformed, kUnsupported, kTooLarge.
  static Checkpoint open(const std::filesystem::path& path, const CheckpointLimits& limits = {});
  /// The same from memory, which must outlive the object; `origin` stands in messages for the file name.
  static Checkpoint from_bytes(std::span<const std::byte> bytes, std::string origin,
                               const CheckpointLimits& limits = {});

  Checkpoint(Checkpoint&&) noexcept;
  Checkpoint& operator=(Checkpoint&&) noexcept;
  ~Checkpoint();

  const std::string& origin() const { return origin_; }
  /// In the order of the file.
  const std::vector<CheckpointTensor>& tensors() const { return tensors_; }
  const std::vector<SkippedValue>& skipped() const { return skipped_; }
  /// Plain numbers and truth values by name: "epoch", "optimizer.param_groups.0.lr".
  const std::map<std::string, double>& numbers() const { return numbers_; }
  /// Null if there is none of that name.
  const CheckpointTensor* find(const std::string& name) const;

  /// The elements, dense and row-major: where they lie in the file if they lie so and aligned there, else a copy
  /// owned by this object. Valid as long as it. Throws Failure: kMalformed (checksum), kTooLarge (copies).
  TensorView view(const CheckpointTensor& tensor);

 private:
  Checkpoint(std::span<const std::byte> bytes, std::string origin, const CheckpointLimits& limits);

  std::optional<MappedFile> mapping_;
  std::string origin_;
  CheckpointLimits limits_;
  std::unique_ptr<CheckpointContainer> container_;
  std::vector<CheckpointTensor> tensors_;
  std::vector<SkippedValue> skipped_;
  std::map<std::string, double> numbers_;
  std::map<std::string, std::size_t> index_;                                // name -> tensors_
  std::map<std::string, std::span<const std::byte>, std::less<>> checked_;  // storages whose checksum was compared
  std::vector<std::unique_ptr<std::byte[]>> copies_;
  std::uint64_t copied_bytes_ = 0;
};

}  // namespace chexworld
