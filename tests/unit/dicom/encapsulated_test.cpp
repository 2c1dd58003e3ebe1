// SPDX-License-Identifier: Apache-2.0
#include "dicom/encapsulated.h"

#include "failing.h"
#include "support/encoders.h"

namespace chexworld {
namespace {

using test::Bytes;
using test::encapsulated_file;

constexpr const char* kJpegLs = "1.2.840.10008.1.2.4.80";

Bytes bytes(std::string_view text) {
  const auto all = std::as_bytes(std::span(text));
  return Bytes(all.begin(), all.end());
}

std::string frame_text(const Bytes& file, int frame, int frames) {
  const DicomFile opened = DicomFile::from_view(file);
  const FrameBytes found = encapsulated_frame(opened, frame, frames);
  return {reinterpret_cast<const char*>(found.bytes().data()), found.bytes().size()};
}

TEST(Encapsulated, AllFragmentsOfASingleFrameAreJoined) {
  for (const std::vector<std::uint32_t>& table : {std::vector<std::uint32_t>{}, {0}, {12345}}) {
    const Bytes file = encapsulated_file({}, kJpegLs, {bytes("abc"), bytes("d"), bytes("ef")}, table);
    EXPECT_EQ(frame_text(file, 0, 1), "abcdef");
  }
}

TEST(Encapsulated, OneFragmentForEachFrame) {
  const Bytes file = encapsulated_file({.frames = 3}, kJpegLs, {bytes("ab"), bytes("cd"), bytes("ef")}, {0, 99, 7});
  EXPECT_EQ(frame_text(file, 0, 3), "ab");
  EXPECT_EQ(frame_text(file, 2, 3), "ef");
}

TEST(Encapsulated, OffsetTableTellsWhereFramesBegin) {
  // offsets count item headers of 8 bytes: "ab" at 0, "cd" at 10, "ef" at 20
  const Bytes file = encapsulated_file({.frames = 2}, kJpegLs, {bytes("ab"), bytes("cd"), bytes("ef")}, {0, 20});
  EXPECT_EQ(frame_text(file, 0, 2), "abcd");
  EXPECT_EQ(frame_text(file, 1, 2), "ef");
}

TEST(Encapsulated, AWrongOffsetTableGivesWayToTheContent) {
  const Bytes start = bytes("\xff\xd8\xff\xe0"), more = bytes("rest");
  for (const std::vector<std::uint32_t>& table : {std::vector<std::uint32_t>{}, {0, 13}, {24, 0}, {0, 4000000000u}}) {
    const Bytes file = encapsulated_file({.frames = 2}, kJpegLs, {start, more, start}, table);
    EXPECT_EQ(frame_text(file, 0, 2), "\xff\xd8\xff\xe0rest");
    EXPECT_EQ(frame_text(file, 1, 2), "\xff\xd8\xff\xe0");
  }
}

TEST(Encapsulated, WhatCannotBeToldApartIsAnError) {
  const Bytes file = encapsulated_file({.frames = 2}, kJpegLs, {bytes("ab"), bytes("cd"), bytes("ef")});
  EXPECT_FAILURE(frame_text(file, 0, 2), ErrorCode::kMalformed, "which fragments");
  EXPECT_FAILURE(frame_text(file, 0, 4), ErrorCode::kMalformed, "3 fragments for 4 frames");
}

TEST(Encapsulated, NoFragmentAtAll) {
  EXPECT_FAILURE(frame_text(encapsulated_file({}, kJpegLs, {}), 0, 1), ErrorCode::kMalformed, "0 fragments for 1");
}

}  // namespace
}  // namespace chexworld
