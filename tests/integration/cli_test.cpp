// SPDX-License-Identifier: Apache-2.0
//
// The `chexworld` program as typed.
#include "base/config.h"
#include "support/process.h"

#include <chexworld/version.h>

#include <algorithm>
#include <gmock/gmock.h>
#include <sched.h>

namespace chexworld::test {
namespace {

using testing::HasSubstr;

Finished chexworld(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), CHEXWORLD_PROGRAM);
  return run(arguments);
}

TEST(Program, SaysItsVersionAndHelps) {
  EXPECT_EQ(chexworld({"--version"}).output, "chexworld " + std::string(version()) + "\n");
  const Finished help = chexworld({"--help"});
  EXPECT_EQ(help.exit_status, 0);
  EXPECT_THAT(help.output, HasSubstr("doctor"));
}

TEST(Program, WrongUsageIsOneLineAndStatusTwo) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{}, {"--bogus"}, {"nonsense"}, {"doctor", "--bogus"}}) {
    const Finished finished = chexworld(arguments);
    EXPECT_EQ(finished.exit_status, 2) << finished.output;
    EXPECT_EQ(std::count(finished.output.begin(), finished.output.end(), '\n'), 1) << finished.output;
  }
}

TEST(Doctor, IsRightAboutThisMachine) {
  const Finished finished = chexworld({"doctor", "--json"});
  ASSERT_EQ(finished.exit_status, 0) << finished.output;
  const Json facts = Json::parse(finished.output);
  cpu_set_t usable;
  ASSERT_EQ(sched_getaffinity(0, sizeof usable, &usable), 0);
  EXPECT_EQ(facts["processor"]["usable_cores"], CPU_COUNT(&usable));
  EXPECT_GT(facts["memory"]["total_bytes"], 100'000'000u);
  EXPECT_EQ(facts.contains("libtorch"), bool(CHEXWORLD_EXPECT_TORCH));
  if (CHEXWORLD_EXPECT_TORCH) {
    // The build environment points the alternatives at the OpenMP OpenBLAS; the slow one would be a warning.
    EXPECT_EQ(facts["blas"]["threading"], "openmp") << finished.output;
    EXPECT_THAT(facts["warnings"].dump(), testing::Not(HasSubstr("SLOW BLAS")));
  }
}

}  // namespace
}  // namespace chexworld::test
