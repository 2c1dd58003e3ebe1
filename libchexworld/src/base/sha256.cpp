// SPDX-License-Identifier: Apache-2.0
#include "base/sha256.h"

#include "base/failure.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#ifdef CHEXWORLD_HAVE_OPENSSL
#include <openssl/evp.h>
#endif

namespace chexworld {
namespace {

constexpr std::size_t kBlockBytes = 64;

// First 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4, 4.2.2).
constexpr std::uint32_t kRound[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

class PortableSha256 {
 public:
  void update(std::span<const std::byte> bytes) {
    total_bytes_ += bytes.size();
    while (!bytes.empty()) {
      const std::size_t count = std::min(bytes.size(), kBlockBytes - filled_);
      std::memcpy(block_ + filled_, bytes.data(), count);
      filled_ += count;
      bytes = bytes.subspan(count);
      if (filled_ == kBlockBytes) compress();
    }
  }

  Sha256Digest finish() {
    const std::uint64_t bits = total_bytes_ * 8;
    block_[filled_++] = 0x80;
    if (filled_ > kBlockBytes - 8) {
      std::memset(block_ + filled_, 0, kBlockBytes - filled_);
      compress();
    }
    std::memset(block_ + filled_, 0, kBlockBytes - 8 - filled_);
    for (int i = 0; i < 8; ++i) block_[kBlockBytes - 1 - i] = static_cast<unsigned char>(bits >> (8 * i));
    compress();
    Sha256Digest digest;
    for (std::size_t i = 0; i < digest.size(); ++i) digest[i] = std::byte(hash_[i / 4] >> (24 - 8 * (i % 4)));
    return digest;
  }

 private:
  void compress() {
    std::uint32_t w[64];
    for (int i = 0; i < 16; ++i) {
      w[i] = std::uint32_t(block_[4 * i]) << 24 | std::uint32_t(block_[4 * i + 1]) << 16 |
             std::uint32_t(block_[4 * i + 2]) << 8 | block_[4 * i + 3];
    }
    for (int i = 16; i < 64; ++i) {
      const std::uint32_t s0 = std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ (w[i - 15] >> 3);
      const std::uint32_t s1 = std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ (w[i - 2] >> 10);
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    auto [a, b, c, d, e, f, g, h] = hash_;
    for (int i = 0; i < 64; ++i) {
      const std::uint32_t s1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
      const std::uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + kRound[i] + w[i];
      const std::uint32_t s0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
      const std::uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
      h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
    }
    const std::uint32_t next[8] = {a, b, c, d, e, f, g, h};
    for (int i = 0; i < 8; ++i) hash_[i] += next[i];
    filled_ = 0;
  }

  std::array<std::uint32_t, 8> hash_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                     0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  unsigned char block_[kBlockBytes];
  std::size_t filled_ = 0;
  std::uint64_t total_bytes_ = 0;
};

}  // namespace

#ifdef CHEXWORLD_HAVE_OPENSSL

struct Sha256::State {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  if (!state_->context || EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr) != 1)
    fail(ErrorCode::kInternal, "OpenSSL offers no SHA-256");
}

void Sha256::update(std::span<const std::byte> bytes) {
  if (EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) != 1)
    fail(ErrorCode::kInternal, "SHA-256 failed");
}

Sha256Digest Sha256::finish() {
  Sha256Digest digest;
  if (EVP_DigestFinal_ex(state_->context.get(), reinterpret_cast<unsigned char*>(digest.data()), nullptr) != 1)
    fail(ErrorCode::kInternal, "SHA-256 failed");
  return digest;
}

#else

struct Sha256::State : PortableSha256 {};
Sha256::Sha256() : state_(std::make_unique<State>()) {}
void Sha256::update(std::span<const std::byte> bytes) { state_->update(bytes); }
Sha256Digest Sha256::finish() { return state_->finish(); }

#endif

Sha256::~Sha256() = default;

Sha256Digest sha256(std::span<const std::byte> bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.finish();
}

Sha256Digest sha256(std::string_view text) { return sha256(std::as_bytes(std::span(text))); }

Sha256Digest sha256_portable(std::span<const std::byte> bytes) {
  PortableSha256 hash;
  hash.update(bytes);
  return hash.finish();
}

Sha256Digest hmac_sha256(std::string_view key, std::string_view message) {
  std::array<std::byte, kBlockBytes> padded{};
  if (key.size() > kBlockBytes) {
    const Sha256Digest shortened = sha256(key);
    std::memcpy(padded.data(), shortened.data(), shortened.size());
  } else {
    std::memcpy(padded.data(), key.data(), key.size());
  }
  const auto hash_with = [&](std::byte pad, std::span<const std::byte> bytes) {
    std::array<std::byte, kBlockBytes> mixed = padded;
    for (std::byte& byte : mixed) byte ^= pad;
    Sha256 hash;
    hash.update(mixed);
    hash.update(bytes);
    return hash.finish();
  };
  const Sha256Digest inner = hash_with(std::byte{0x36}, std::as_bytes(std::span(message)));
  return hash_with(std::byte{0x5c}, inner);
}

std::string to_hex(const Sha256Digest& digest) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : digest) {
    text += kDigits[std::to_integer<unsigned>(byte) >> 4];
    text += kDigits[std::to_integer<unsigned>(byte) & 15];
  }
  return text;
}

}  // namespace chexworld
