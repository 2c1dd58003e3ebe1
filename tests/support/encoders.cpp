// SPDX-License-Identifier: Apache-2.0
#include "support/encoders.h"

#include <charls/charls.h>
#include <openjpeg.h>
#include <turbojpeg.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <stdexcept>

namespace chexworld::test {
namespace {

Bytes bytes_of(const void* data, std::size_t size) {
  const auto* begin = static_cast<const std::byte*>(data);
  return Bytes(begin, begin + size);
}

std::uint32_t scrambled(std::uint32_t x) {
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  x *= 0x846ca68bu;
  return x ^ x >> 16;
}

/// Brightness in [0, 1] of a body with lungs and ribs, `v` down and `u` across, both in [0, 1].
double film_at(double v, double u) {
  const double body = 1.0 / (1.0 + std::exp(40.0 * (std::abs(u - 0.5) - 0.42)));
  const auto lung = [&](double centre) {
    const double d = std::pow((u - centre) / 0.13, 2) + std::pow((v - 0.45) / 0.28, 2);
    return 1.0 / (1.0 + std::exp(8.0 * (d - 1.0)));
  };
  const double ribs = 0.06 * std::sin(60.0 * (v + 0.4 * (u - 0.5) * (u - 0.5)));
  return std::clamp(0.1 + 0.75 * body - 0.5 * (lung(0.3) + lung(0.7)) + ribs * body, 0.0, 1.0);
}

}  // namespace

Picture synthetic_film(int rows, int columns, int bits, int components) {
  Picture picture{rows, columns, components, bits, {}};
  picture.samples.resize(std::size_t(rows) * std::size_t(columns) * std::size_t(components));
  const int top = (1 << bits) - 1;
  std::uint32_t index = 0;
  for (int y = 0; y < rows; ++y) {
    for (int x = 0; x < columns; ++x) {
      const double shade = film_at((y + 0.5) / rows, (x + 0.5) / columns);
      for (int c = 0; c < components; ++c, ++index) {
        const double noise = (double(scrambled(index) & 0xffff) / 65535.0 - 0.5) * 0.008;
        const double value = shade * (1.0 - 0.2 * c) + noise;
        picture.samples[index] = std::uint16_t(std::clamp(int(std::lround(value * top)), 0, top));
      }
    }
  }
  return picture;
}

Bytes native_samples(const Picture& picture) {
  Bytes bytes;
  for (const std::uint16_t value : picture.samples) {
    bytes.push_back(std::byte(value & 0xff));
    if (picture.bits > 8) bytes.push_back(std::byte(value >> 8));
  }
  return bytes;
}

ShellImage shell_for(const Picture& picture) {
  return {.rows = picture.rows,
          .columns = picture.columns,
          .samples = picture.components,
          .bits_allocated = picture.bits > 8 ? 16 : 8,
          .bits_stored = picture.bits,
          .high_bit = picture.bits - 1,
          .photometric = picture.components == 3 ? "RGB" : "MONOCHROME2"};
}

Bytes encode_jpeg(const Picture& picture, int quality) {
  const Bytes samples = native_samples(picture);
  const std::unique_ptr<void, int (*)(void*)> encoder(tjInitCompress(), tjDestroy);
  unsigned char* stream = nullptr;
  unsigned long size = 0;
  const bool grey = picture.components == 1;
  const int status = tjCompress2(encoder.get(), reinterpret_cast<const unsigned char*>(samples.data()), picture.columns,
                                 0, picture.rows, grey ? TJPF_GRAY : TJPF_RGB, &stream, &size,
                                 grey ? TJSAMP_GRAY : TJSAMP_422, quality, TJFLAG_ACCURATEDCT);
  if (status != 0) throw std::runtime_error("tjCompress2 failed");
  const Bytes bytes = bytes_of(stream, size);
  tjFree(stream);
  return bytes;
}

Bytes encode_jpeg_ls(const Picture& picture, int near_lossless) {
  const Bytes samples = native_samples(picture);
  charls::jpegls_encoder encoder;
  encoder.frame_info({std::uint32_t(picture.columns), std::uint32_t(picture.rows), picture.bits, picture.components})
      .near_lossless(near_lossless)
      .interleave_mode(picture.components > 1 ? charls::interleave_mode::sample : charls::interleave_mode::none);
  Bytes stream(encoder.estimated_destination_size());
  encoder.destination(stream.data(), stream.size());
  stream.resize(encoder.encode(samples.data(), samples.size()));
  return stream;
}

namespace {

struct Sink {
  Bytes bytes;
  std::size_t at = 0;
};

OPJ_SIZE_T write_bytes(void* buffer, OPJ_SIZE_T count, void* user) {
  auto& sink = *static_cast<Sink*>(user);
  sink.bytes.resize(std::max(sink.bytes.size(), sink.at + count));
  std::memcpy(&sink.bytes[sink.at], buffer, count);
  sink.at += count;
  return count;
}
OPJ_BOOL seek_to(OPJ_OFF_T position, void* user) {
  static_cast<Sink*>(user)->at = std::size_t(position);
  return OPJ_TRUE;
}
OPJ_OFF_T skip_ahead(OPJ_OFF_T count, void* user) {
  static_cast<Sink*>(user)->at += std::size_t(count);
  return count;
}

opj_image_t* image_of(const Picture& picture) {
  std::vector<opj_image_cmptparm_t> components(std::size_t(picture.components));
  for (auto& component : components) {
    component = {};
    component.dx = component.dy = 1;
    component.w = OPJ_UINT32(picture.columns);
    component.h = OPJ_UINT32(picture.rows);
    component.prec = OPJ_UINT32(picture.bits);
  }
  opj_image_t* image = opj_image_create(OPJ_UINT32(picture.components), components.data(),
                                        picture.components == 3 ? OPJ_CLRSPC_SRGB : OPJ_CLRSPC_GRAY);
  image->x1 = OPJ_UINT32(picture.columns);
  image->y1 = OPJ_UINT32(picture.rows);
  for (std::size_t i = 0; i < picture.samples.size(); ++i) {
    const auto count = std::size_t(picture.components);
    image->comps[i % count].data[i / count] = picture.samples[i];
  }
  return image;
}

}  // namespace

Bytes encode_jpeg2000(const Picture& picture, double ratio, int wavelet_levels) {
  opj_cparameters_t parameters;
  opj_set_default_encoder_parameters(&parameters);
  parameters.tcp_numlayers = 1;
  parameters.cp_disto_alloc = 1;
  parameters.tcp_rates[0] = float(ratio);
  parameters.irreversible = ratio > 0 ? 1 : 0;
  parameters.tcp_mct = picture.components == 3 ? 1 : 0;
  parameters.numresolution = wavelet_levels + 1;
  opj_image_t* image = image_of(picture);
  opj_codec_t* codec = opj_create_compress(OPJ_CODEC_J2K);
  opj_setup_encoder(codec, &parameters, image);
  Sink sink;
  opj_stream_t* stream = opj_stream_create(1u << 16, OPJ_FALSE);
  opj_stream_set_write_function(stream, write_bytes);
  opj_stream_set_seek_function(stream, seek_to);
  opj_stream_set_skip_function(stream, skip_ahead);
  opj_stream_set_user_data(stream, &sink, nullptr);
  const bool done =
      opj_start_compress(codec, image, stream) && opj_encode(codec, stream) && opj_end_compress(codec, stream);
  opj_stream_destroy(stream);
  opj_destroy_codec(codec);
  opj_image_destroy(image);
  if (!done) throw std::runtime_error("opj_encode failed");
  return sink.bytes;
}

}  // namespace chexworld::test
