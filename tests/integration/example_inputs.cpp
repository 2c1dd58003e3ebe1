// SPDX-License-Identifier: Apache-2.0
//
// Writes what the examples are run with: a small model and two films, one of them broken.
#include "base/file.h"
#include "support/encoders.h"
#include "unit/infer/random_bundle.h"

#include <filesystem>

int main(int argc, char** argv) {
  using namespace chexworld;
  if (argc != 2) return 2;
  const std::filesystem::path folder = argv[1];
  std::filesystem::create_directories(folder);
  test::RandomBundle(test::small_shape(), {}, 1).write(folder / "model.safetensors");
  const test::Picture film = test::synthetic_film(400, 350, 12);
  const test::Bytes bytes = test::native_file(test::shell_for(film), "1.2.840.10008.1.2.1", test::native_samples(film));
  write_file_atomically(folder / "film.dcm", [&](FileWriter& writer) { writer.write(bytes); });
  write_file_atomically(folder / "broken.dcm",
                        [&](FileWriter& writer) { writer.write(std::span(bytes).first(bytes.size() / 2)); });
}
