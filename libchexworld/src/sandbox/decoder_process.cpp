// SPDX-License-Identifier: Apache-2.0
#include "sandbox/decoder_process.h"

#include "base/failure.h"
#include "dicom/dcmtk_setup.h"
#include "image/png.h"
#include "sandbox/confinement.h"
#include "sandbox/report.h"
#include "sandbox/source.h"

#include <chexworld/version.h>
#include <sys/prctl.h>

namespace chexworld {
namespace {

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr DicomTag kAnySequence{0x0008, 0x2218};

/// What libraries read from files when first used, they read now.
void warm_up() {
  dictionary_says_sequence(kAnySequence);
  decode_picture(encode_png({8, 8, std::vector<std::uint8_t>(64)}));
}

DecoderReady confine(const DecoderSetup& setup) {
  DecoderReady ready{.version = std::string(version())};
  ready.without_network = leave_the_network();
  die_with(setup.parent);  // after leaving: a change of credentials would clear it
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  warm_up();
  limit_resources(setup.memory_bytes);
  ready.filtered = filter_system_calls();
  return ready;
}

Result<PreparedRadiograph> answer(const WireMessage& request, const DecodeFunction& decode,
                                  const DecoderOptions& options) {
  return capture([&] {
    const DecodeRequest wanted = request_in(request);
    const DescriptorBytes object(request.descriptor.get(), options.limits.max_bytes);
    return decode(object.bytes(), wanted.recipe, options, wanted.film_side);
  });
}

}  // namespace

int run_decoder_process(const DecodeFunction& decode) {
  close_descriptors_above(kDecoderSocket);
  const auto first = receive_message(kDecoderSocket, {}, {});
  if (!first) return kFailed;
  const Result<DecoderSetup> setup = capture([&] { return setup_in(*first); });
  if (!setup.ok()) return kFailed;
  const Result<DecoderReady> ready = capture([&] { return confine(*setup); });
  if (!ready.ok() || !send_message(kDecoderSocket, message_of(*ready), -1, {})) return kFailed;
  while (const auto request = receive_message(kDecoderSocket, {}, {})) {
    limit_processor_time(setup->deadline);
    const WireMessage reply = message_of(answer(*request, decode, setup->decoder));
    if (!send_message(kDecoderSocket, reply, -1, {})) return kFailed;
  }
  return kDone;
}

}  // namespace chexworld
