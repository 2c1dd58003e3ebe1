// SPDX-License-Identifier: Apache-2.0
#include "base/failure.h"
#include "base/mapped_file.h"
#include "sandbox/prepare_radiograph.h"
#include "sandbox/source.h"

#include <atomic>

namespace chexworld {
namespace {

class InProcessDecoder final : public RadiographDecoder {
 public:
  explicit InProcessDecoder(const DecoderOptions& options) : options_(options) {}

  Result<PreparedRadiograph> decode(const RadiographSource& source, const PreparationRecipe& recipe,
                                    int film_side) override {
    ++decoded_;
    return capture([&] {
      const SourceBytes bytes(source, options_.limits.max_bytes);
      PreparedRadiograph result = prepare_radiograph(bytes.bytes(), recipe, options_, film_side);
      fill_pixels(result, recipe.normalization);
      return result;
    });
  }

  DecoderCounts counts() const override { return {.decoded = decoded_}; }

 private:
  const DecoderOptions options_;
  std::atomic<std::uint64_t> decoded_ = 0;
};

}  // namespace

std::string_view decode_reason(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kInternal: return "decoder-crashed";
    case ErrorCode::kTimeout: return "decoder-timeout";
    case ErrorCode::kResourceExhausted: return "decoder-memory";
    default: return name_of(error.code());
  }
}

std::unique_ptr<RadiographDecoder> make_in_process_decoder(const DecoderOptions& options) {
  return std::make_unique<InProcessDecoder>(options);
}

}  // namespace chexworld
