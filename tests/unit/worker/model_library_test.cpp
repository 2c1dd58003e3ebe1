// SPDX-License-Identifier: Apache-2.0
#include "worker/model_library.h"

#include "base/failure.h"
#include "support/process.h"
#include "support/worker_models.h"

#include <fstream>
#include <gmock/gmock.h>

namespace chexworld::test {
namespace {

namespace fs = std::filesystem;

ErrorCode code_of(const std::function<void()>& action) {
  const auto result = capture(action);
  return result.ok() ? ErrorCode::kInternal : result.error().code();
}

class ModelLibraryTest : public testing::Test {
 protected:
  WorkerModels made_{2};
  TemporaryFolder folder_;
  ModelLibrary library_{folder_ / "models"};
};

TEST_F(ModelLibraryTest, KeepsCopiesAndFindsThemAgain) {
  EXPECT_EQ(library_.keep_copy(made_.path(0)).info.model_id, made_.id(0));
  EXPECT_TRUE(fs::exists(made_.path(0)));
  EXPECT_EQ(text_of(library_.find(made_.id(0)).path), text_of(made_.path(0)));
  library_.keep_copy(made_.path(0));
  EXPECT_EQ(library_.list().size(), 1u);
  EXPECT_TRUE(ModelLibrary(folder_ / "models").has(made_.id(0)));
}

TEST_F(ModelLibraryTest, TakesAFileAsItIs) {
  fs::copy(made_.path(0), folder_ / "upload");
  library_.keep(folder_ / "upload", made_.id(0));
  EXPECT_FALSE(fs::exists(folder_ / "upload"));
  EXPECT_TRUE(library_.has(made_.id(0)));
}

TEST_F(ModelLibraryTest, RefusesWhatIsNoBundleOrAnother) {
  EXPECT_EQ(code_of([&] { library_.keep_copy(made_.path(0), made_.id(1)); }), ErrorCode::kConflict);
  std::ofstream(folder_ / "text") << "no bundle";
  EXPECT_EQ(code_of([&] { library_.keep(folder_ / "text"); }), ErrorCode::kMalformed);
  EXPECT_TRUE(fs::exists(folder_ / "text"));
  EXPECT_TRUE(fs::is_empty(folder_ / "models"));
}

TEST_F(ModelLibraryTest, ListsNothingThatIsNotWhatItsNameSays) {
  library_.keep_copy(made_.path(0));
  fs::rename(library_.find(made_.id(0)).path, folder_ / "models" / (made_.id(1) + ".safetensors"));
  std::ofstream(folder_ / "models" / (std::string(64, 'a') + ".safetensors")) << "damaged";
  std::ofstream(folder_ / "models" / "notes.txt") << "mine";
  EXPECT_TRUE(ModelLibrary(folder_ / "models").list().empty());
  EXPECT_TRUE(fs::exists(folder_ / "models" / "notes.txt"));
}

TEST_F(ModelLibraryTest, RemovesOneAndNoOther) {
  library_.keep_copy(made_.path(0));
  library_.keep_copy(made_.path(1));
  library_.remove(made_.id(0));
  EXPECT_FALSE(library_.has(made_.id(0)));
  EXPECT_EQ(code_of([&] { library_.find(made_.id(0)); }), ErrorCode::kNotFound);
  EXPECT_EQ(code_of([&] { library_.remove("../" + made_.id(1)); }), ErrorCode::kNotFound);
  EXPECT_EQ(ModelLibrary(folder_ / "models").list().size(), 1u);
}

}  // namespace
}  // namespace chexworld::test
