// SPDX-License-Identifier: Apache-2.0
//
// Every item of the reference numbers is covered by some suite of this folder (see CMakeLists.txt).
#include "support/test_data.h"

#include <gtest/gtest.h>

#include <set>
#include <sstream>

namespace chexworld::test {
namespace {

std::set<std::string> covered_items() {
  std::istringstream names(CHEXWORLD_COVERED_ITEMS);
  std::set<std::string> items;
  for (std::string name; names >> name;) items.insert(name);
  return items;
}

TEST(ReferenceCoverage, NoItemIsLeftOut) {
  if (!have_reference()) GTEST_SKIP() << "the folder of reference numbers is not there";
  const std::set<std::string> covered = covered_items();
  std::size_t total = 0, met = 0;
  for (const auto& entry : std::filesystem::directory_iterator(reference_dir())) {
    if (entry.path().extension() != ".json") continue;
    ++total;
    const bool known = covered.contains(entry.path().stem().string());
    met += known;
    EXPECT_TRUE(known) << "no suite covers " << entry.path().filename();
  }
  EXPECT_GT(total, 0u) << "the folder of reference numbers is empty";
  report_coverage("reference items", met, total);
}

}  // namespace
}  // namespace chexworld::test
