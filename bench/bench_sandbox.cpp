// SPDX-License-Identifier: Apache-2.0
//
// What decoding in a process of its own costs: an object prepared there, against the same in this process.
#include "base/file.h"
#include "bench/support/report.h"
#include "sandbox/decoder.h"
#include "tests/support/encoders.h"

#include <filesystem>

namespace {

using namespace chexworld;

constexpr int kRounds = 31;
constexpr int kObjects = 5;  // per measurement

test::Bytes uncompressed(int rows, int columns) {
  const test::Picture film = test::synthetic_film(rows, columns, 12);
  return native_file(shell_for(film), "1.2.840.10008.1.2.1", native_samples(film));
}

test::Bytes jpeg(int rows, int columns) {
  const test::Picture film = test::synthetic_film(rows, columns, 8);
  return encapsulated_file(shell_for(film), "1.2.840.10008.1.2.4.50", {encode_jpeg(film, 90)});
}

/// Milliseconds per object.
double cost(RadiographDecoder& decoder, const RadiographSource& source) {
  const double seconds = bench::seconds([&] {
    for (int i = 0; i < kObjects; ++i) decoder.decode(source, {}).value();
  });
  return seconds / kObjects * 1e3;
}

void compare(bench::Report& report, const std::string& name, RadiographDecoder& sandboxed, RadiographDecoder& here,
             const RadiographSource& source) {
  report.add(name, bench::in_turn([&] { return cost(sandboxed, source); }, [&] { return cost(here, source); }, kRounds),
             "in this process", "ms", bench::Better::kLess);
}

}  // namespace

int main(int argc, char** argv) {
  bench::Report report("sandbox", argc, argv);
  const auto sandboxed = make_sandboxed_decoder({.processes = 1}).value();
  const auto here = make_in_process_decoder();
  const test::Bytes large = uncompressed(3400, 2800), medium = uncompressed(1024, 1024), small = jpeg(1024, 1024);
  const std::filesystem::path file = std::filesystem::temp_directory_path() / "chexworld-bench-sandbox.dcm";
  write_file_atomically(file, [&](FileWriter& writer) { writer.write(large); });
  compare(report, "3400 x 2800 uncompressed, bytes", *sandboxed, *here, std::span<const std::byte>(large));
  compare(report, "3400 x 2800 uncompressed, file", *sandboxed, *here, file);
  compare(report, "1024 x 1024 uncompressed, bytes", *sandboxed, *here, std::span<const std::byte>(medium));
  compare(report, "1024 x 1024 JPEG, bytes", *sandboxed, *here, std::span<const std::byte>(small));
  std::filesystem::remove(file);
}
