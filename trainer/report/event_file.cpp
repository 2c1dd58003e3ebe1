// SPDX-License-Identifier: Apache-2.0
#include "trainer/report/event_file.h"

#include "base/checksum.h"
#include "base/failure.h"

#include <cstring>
#include <unistd.h>

namespace chexworld {
namespace {

enum WireType : unsigned { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

/// A protocol buffer message under construction.
class Message {
 public:
  Message& number(unsigned field, std::uint64_t value) {
    key(field, kVarint);
    varint(value);
    return *this;
  }
  Message& real(unsigned field, double value) {
    key(field, kFixed64);
    return raw(value);
  }
  Message& real(unsigned field, float value) {
    key(field, kFixed32);
    return raw(value);
  }
  Message& text(unsigned field, std::string_view value) {
    key(field, kBytes);
    varint(value.size());
    bytes_ += value;
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void key(unsigned field, WireType type) { varint(field << 3 | type); }
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += char(value | 0x80);
    bytes_ += char(value);
  }
  template <class T>
  Message& raw(T value) {
    char memory[sizeof value];
    std::memcpy(memory, &value, sizeof value);
    bytes_.append(memory, sizeof value);
    return *this;
  }

  std::string bytes_;
};

template <class T>
std::string little_endian(T value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

}  // namespace

std::uint32_t masked_crc32c(std::string_view bytes) {
  const std::uint32_t crc = crc32c(std::as_bytes(std::span(bytes)));
  return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

EventFile::EventFile(const std::filesystem::path& folder, double wall_time) {
  path_ = folder /
          ("events.out.tfevents." + std::to_string(std::int64_t(wall_time)) + ".chexworld." + std::to_string(getpid()));
  file_.open(path_, std::ios::binary | std::ios::app);
  write_record(Message().real(1, wall_time).text(3, "brain.Event:2").bytes());
}

void EventFile::add(std::int64_t step, double wall_time, const std::map<std::string, double>& scalars) {
  Message summary;
  for (const auto& [tag, value] : scalars) summary.text(1, Message().text(1, tag).real(2, float(value)).bytes());
  write_record(Message().real(1, wall_time).number(2, std::uint64_t(step)).text(5, summary.bytes()).bytes());
}

void EventFile::write_record(const std::string& event) {
  const std::string length = little_endian(std::uint64_t(event.size()));
  file_ << length << little_endian(masked_crc32c(length)) << event << little_endian(masked_crc32c(event));
  file_.flush();
  if (!file_) fail(ErrorCode::kInputOutput, "writing " + path_.string() + ": no more room, or the folder is gone");
}

}  // namespace chexworld
