// SPDX-License-Identifier: Apache-2.0
//
// From a DICOM file to 224 x 224 pixels: straight there, against decoding in full with the same codecs and resizing,
// and against pydicom with GDCM and Pillow. Time, and peak memory beyond that of a process that does nothing.
#include "base/failure.h"
#include "base/file.h"
#include "bench/support/peer.h"
#include "bench/support/report.h"
#include "dicom/decode.h"
#include "image/resample.h"
#include "tests/support/encoders.h"

#include <cstdlib>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace chexworld;
using test::Picture;

constexpr int kRows = 3400, kColumns = 2800;  // a detector of 43 x 35 cm
constexpr int kSide = 224;
constexpr int kRounds = 5;

FloatImage at_model_size(const StoredPixels& pixels) {
  FloatImage image{pixels.columns, pixels.rows, {}};
  image.pixels.assign(pixels.samples.begin(), pixels.samples.end());
  return resize(image, {kSide, kSide});
}

void straight(const std::filesystem::path& path) {
  at_model_size(decode_frame(DicomFile::open(path), {.short_side = kSide}).pixels);
}

void in_full(const std::filesystem::path& path) { at_model_size(decode_frame(DicomFile::open(path)).pixels); }

/// Runs `action` in a process of its own and returns its peak memory in bytes.
template <class Action>
double peak_of(Action action) {
  const pid_t child = fork();
  if (child == 0) {
    action();
    _exit(0);
  }
  int status = 0;
  rusage usage{};
  wait4(child, &status, 0, &usage);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) fail(ErrorCode::kInternal, "a measured process has failed");
  return double(usage.ru_maxrss) * 1024;
}

template <class Action>
double megabytes_beyond_nothing(Action action) {
  return (peak_of(action) - peak_of([] {})) / 1e6;
}

struct Case {
  const char* name;
  const char* file;
  void (*write)(const std::filesystem::path& path);
};

void write_bytes(const std::filesystem::path& path, const test::Bytes& bytes) {
  write_file_atomically(path, [&](FileWriter& writer) { writer.write(bytes); });
}

Picture deep_film() { return test::synthetic_film(kRows, kColumns, 12); }

void write_encapsulated(const std::filesystem::path& path, const char* syntax, const Picture& film,
                        const test::Bytes& stream) {
  write_bytes(path, encapsulated_file(shell_for(film), syntax, {stream}));
}

const Case kCases[] = {
    {"uncompressed", "unc.dcm",
     [](const auto& path) {
       const Picture film = deep_film();
       write_bytes(path, native_file(shell_for(film), "1.2.840.10008.1.2.1", native_samples(film)));
     }},
    {"JPEG 2000 lossless", "j2kr.dcm",
     [](const auto& path) {
       const Picture film = deep_film();
       write_encapsulated(path, "1.2.840.10008.1.2.4.90", film, encode_jpeg2000(film, 0));
     }},
    {"JPEG 2000 lossy 10:1", "j2ki.dcm",
     [](const auto& path) {
       const Picture film = deep_film();
       write_encapsulated(path, "1.2.840.10008.1.2.4.91", film, encode_jpeg2000(film, 10));
     }},
    {"JPEG baseline", "jpeg.dcm",
     [](const auto& path) {
       const Picture film = test::synthetic_film(kRows, kColumns, 8);
       write_encapsulated(path, "1.2.840.10008.1.2.4.50", film, encode_jpeg(film, 90));
     }},
    {"JPEG-LS lossless", "jls.dcm",
     [](const auto& path) {
       const Picture film = deep_film();
       write_encapsulated(path, "1.2.840.10008.1.2.4.80", film, encode_jpeg_ls(film, 0));
     }},
    {"JPEG-LS near-lossless", "jlsn.dcm",
     [](const auto& path) {
       const Picture film = deep_film();
       write_encapsulated(path, "1.2.840.10008.1.2.4.81", film, encode_jpeg_ls(film, 3));
     }},
    {"JPEG lossless", "jpll.dcm",
     [](const auto& path) { write_bytes(path, encode_with_dcmtk(deep_film(), "1.2.840.10008.1.2.4.70")); }},
    {"JPEG extended 12-bit", "jply.dcm",
     [](const auto& path) { write_bytes(path, encode_with_dcmtk(deep_film(), "1.2.840.10008.1.2.4.51")); }},
    {"RLE", "rle.dcm",
     [](const auto& path) { write_bytes(path, encode_with_dcmtk(deep_film(), "1.2.840.10008.1.2.5")); }},
};

void compare(const Case& item, const std::filesystem::path& path, bench::Peer& gdcm, bench::Report& report) {
  const auto time = [&](auto action) { return [&path, action] { return bench::seconds([&] { action(path); }); }; };
  const auto memory = [&](auto action) {
    return [&path, action] { return megabytes_beyond_nothing([&] { action(path); }); };
  };
  const std::string name = item.name;
  report.add(name, bench::in_turn(time(straight), time(in_full), kRounds), "full decode, resize", "s",
             bench::Better::kLess);
  report.add(name + ", peak memory", bench::in_turn(memory(straight), memory(in_full), 1), "full decode, resize", "MB",
             bench::Better::kLess);
  const auto ask_gdcm = [&] { return gdcm.measure(path.string()); };
  report.add(name + " against GDCM", bench::in_turn(time(straight), ask_gdcm, kRounds), "pydicom, GDCM, Pillow", "s",
             bench::Better::kLess);
}

class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / ("chexworld-bench-" + std::to_string(getpid()))) {
    std::filesystem::create_directory(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::filesystem::path operator/(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace

int main(int argc, char** argv) {
  bench::Report report("decode", argc, argv);
  const Folder folder;
  bench::Peer gdcm("decode_gdcm.py");
  for (const Case& item : kCases) {
    const std::filesystem::path path = folder / item.file;
    peak_of([&] { item.write(path); });  // in a process of its own: its memory must not count
    compare(item, path, gdcm, report);
  }
}
