// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store/records.h"

#include <map>
#include <optional>
#include <string>

namespace chexworld {

/// What a request says about one object besides its bytes. Travels through the pipeline as its attributes.
struct WorkTicket {
  bool keep = true;                     ///< false: nothing is stored
  Location location;                    ///< without a server: none
  std::optional<Lease> lease;           ///< of the claim that this answers
  std::optional<CursorAdvance> cursor;  ///< advanced in the same transaction

  std::map<std::string, std::string> to_attributes() const;
  static WorkTicket from_attributes(const std::map<std::string, std::string>& attributes);
};

}  // namespace chexworld
