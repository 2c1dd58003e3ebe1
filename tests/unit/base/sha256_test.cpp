// SPDX-License-Identifier: Apache-2.0
#include "base/sha256.h"

#include <gtest/gtest.h>

namespace chexworld {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

struct Vector {
  std::string message;
  std::string_view digest;
};

// FIPS 180-4 examples, and sha256sum for the boundary lengths.
const Vector kVectors[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {std::string(1'000'000, 'a'), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
};

TEST(Sha256, KnownAnswers) {
  for (const Vector& vector : kVectors) {
    EXPECT_EQ(to_hex(sha256(vector.message)), vector.digest);
    EXPECT_EQ(to_hex(sha256_portable(bytes_of(vector.message))), vector.digest);
  }
}

TEST(Sha256, BothImplementationsAgreeAroundBlockBoundaries) {
  for (std::size_t length = 0; length < 200; ++length) {
    const std::string text(length, char('a' + length % 26));
    EXPECT_EQ(sha256(text), sha256_portable(bytes_of(text))) << length;
  }
}

TEST(Sha256, PiecesHashAsTheWhole) {
  Sha256 hash;
  hash.update(bytes_of("abcdbcdecdefdefgefghfghighijhijk"));
  hash.update(bytes_of("ijkljklmklmnlmnomnopnopq"));
  EXPECT_EQ(to_hex(hash.finish()), kVectors[2].digest);
}

TEST(HmacSha256, Rfc4231Cases) {
  EXPECT_EQ(to_hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(to_hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(to_hex(hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

}  // namespace
}  // namespace chexworld
