// SPDX-License-Identifier: Apache-2.0
//
// The embedding of one DICOM radiograph: the gate judges it, a process of its own decodes it, the engine embeds it.
//   01_embed MODEL.safetensors FILM.dcm
#include <chexworld/pipeline.h>

#include <cstdio>

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: 01_embed MODEL.safetensors FILM.dcm\n"), 2;

  auto pipeline = chexworld::Pipeline::open(argv[1]);
  if (!pipeline) return std::fprintf(stderr, "%s\n", pipeline.error().message().c_str()), 1;

  auto answer = pipeline->submit({.content = std::filesystem::path(argv[2])});
  if (!answer) return std::fprintf(stderr, "%s\n", answer.error().message().c_str()), 1;

  const chexworld::PipelineOutcome outcome = answer->get();
  if (!outcome.result) return std::fprintf(stderr, "%s\n", outcome.result.error().message().c_str()), 1;
  const chexworld::RadiographResult& result = *outcome.result;
  if (!result.gate.accepted()) return std::printf("no chest radiograph: %s\n", name_of(result.gate.reason).data()), 1;

  std::printf("view %s, %zu numbers in %.0f ms:", name_of(result.gate.view).data(), result.embedding.size(),
              outcome.timings.total_ms);
  for (std::size_t i = 0; i < 4; ++i) std::printf(" %.4f", double(result.embedding[i]));
  std::printf(" ...\n");
  if (result.abstained) std::printf("no findings: %s\n", result.abstained->detail.c_str());
  for (const chexworld::Finding& finding : result.findings)
    if (finding.probability) std::printf("%s: %.2f\n", finding.name.c_str(), *finding.probability);
  return 0;
}
