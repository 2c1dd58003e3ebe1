// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the follower needs of a PACS; Orthanc in the product, a stand-in in tests.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace chexworld::plugin {

/// A piece of the change log.
struct ChangePage {
  std::vector<std::string> new_instances;  ///< Orthanc ids, in order
  std::uint64_t up_to = 0;                 ///< sequence number of the last change looked at
  std::uint64_t last = 0;                  ///< newest change there is
  bool done = true;                        ///< nothing more to read now
};

/// Thread safe; throws Failure(kUnavailable) where the PACS does not answer.
class Archive {
 public:
  virtual ~Archive() = default;
  /// Names the database; another database, another name.
  virtual std::string server() const = 0;
  virtual ChangePage changes(std::uint64_t since, std::uint32_t most) const = 0;
  /// Instances of the whole archive, `most` of them from the `since`th.
  virtual std::vector<std::string> instances(std::uint64_t since, std::uint32_t most) const = 0;
  virtual bool has(const std::string& instance_id) const = 0;
  /// Calls `use` with the DICOM file; false where the instance is gone.
  virtual bool with_dicom(const std::string& instance_id, const std::function<void(std::string_view)>& use) const = 0;
};

}  // namespace chexworld::plugin
