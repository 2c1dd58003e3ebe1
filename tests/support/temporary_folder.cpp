// SPDX-License-Identifier: Apache-2.0
#include "support/temporary_folder.h"

#include <stdexcept>
#include <stdlib.h>
#include <string>

namespace chexworld::test {

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "chexworld-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot create " + name);
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace chexworld::test
