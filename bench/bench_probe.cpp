// SPDX-License-Identifier: Apache-2.0
//
// Does a faster precision cost accuracy where it matters? AUROC of a linear probe (standardised features, L2 logistic
// regression, C = 0.01, balanced classes; mean over the folds of the manifest) on nih_pneumonia, embeddings in bf16 and
// int8 against f32. int8 is calibrated on radiographs outside the benchmark. Without --bundle FILE a vit_small with
// random weights embeds.
#include "bench/support/peer.h"
#include "bench/support/report.h"
#include "bundle/bundle.h"
#include "image/png.h"
#include "image/prepare.h"
#include "infer/embedding_check.h"
#include "infer/onednn_backend.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"
#include "tests/unit/infer/random_bundle.h"

#include <chexworld/engine.h>

#include <cstdio>
#include <fstream>

namespace {

using namespace chexworld;

constexpr std::size_t kCalibration = 32;

class ProbeBench {
 public:
  ProbeBench(int argc, char** argv) : report_("probe", argc, argv), peer_("probe_sklearn.py") {
    for (int i = 1; i + 1 < argc; ++i) {
      if (std::string(argv[i]) == "--bundle") bundle_ = argv[i + 1];
    }
    if (bundle_.empty()) {
      bundle_ = folder_ / "model.safetensors";
      test::RandomBundle(named_architecture("vit_small"), {}, 1).write(bundle_);
    }
    read_films();
  }

  void run() {
    const std::vector<float> exact = embed(Precision::kF32);
    const double reference = auroc(exact);
    for (const auto& [precision, type] :
         {std::pair{Precision::kBf16, LinearType::kBf16}, std::pair{Precision::kInt8, LinearType::kInt8}}) {
      const std::string name(name_of(precision));
      if (!processor_has(type)) {
        std::printf("%s: this processor has no instructions for it\n", name.c_str());
        continue;
      }
      const std::vector<float> found = embed(precision);
      std::printf("%s: least cosine to f32 over %zu films %.6f\n", name.c_str(), count_,
                  least_cosine(found, exact, std::int64_t(exact.size() / count_)));
      report_.add(name, {bench::spread_of({auroc(found)}), bench::spread_of({reference})}, "f32", "AUROC",
                  bench::Better::kMore);
    }
  }

 private:
  void read_films() {
    const auto rows = test::read_csv(test::data_dir() / "cxr" / "manifest.csv");
    const PreparationRecipe recipe =
        recipe_from_json(Bundle::open(bundle_).config().preprocessing, bundle_.string() + ": preprocessing");
    std::ofstream folds(folder_ / "folds.txt");
    for (const auto& row : rows) {
      const std::string& fold = row.at("fold_nih_pneumonia");
      if (fold.empty() && calibration_count_ == kCalibration) continue;
      const auto film = prepare(read_picture(test::data_dir() / "cxr" / row.at("file")), recipe);
      std::vector<float>& to = fold.empty() ? calibration_ : films_;
      to.insert(to.end(), film.begin(), film.end());
      ++(fold.empty() ? calibration_count_ : count_);
      if (!fold.empty()) folds << fold << ' ' << (row.at("label") == "pneumonia") << '\n';
    }
    std::printf("%zu films, int8 calibrated on %zu others\n", count_, calibration_count_);
  }

  std::vector<float> embed(Precision precision) const {
    EngineOptions options{.precision = precision};
    if (precision == Precision::kInt8) options.calibration_images = calibration_;
    const Engine engine = Engine::load(bundle_, options).value();
    return engine.run(films_, std::int64_t(count_)).value().embedding;
  }

  double auroc(const std::vector<float>& embeddings) {
    std::ofstream file(folder_ / "embeddings.f32", std::ios::binary);
    file.write(reinterpret_cast<const char*>(embeddings.data()), std::streamsize(embeddings.size() * sizeof(float)));
    file.close();
    return peer_.measure(folder_.path().string());
  }

  test::TemporaryFolder folder_;
  std::filesystem::path bundle_;
  bench::Report report_;
  bench::Peer peer_;
  std::vector<float> films_, calibration_;
  std::size_t count_ = 0, calibration_count_ = 0;
};

}  // namespace

int main(int argc, char** argv) { ProbeBench(argc, argv).run(); }
