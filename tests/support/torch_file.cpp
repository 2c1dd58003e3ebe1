// SPDX-License-Identifier: Apache-2.0
#include "support/torch_file.h"

#include "bundle/crc32.h"

#include <span>

namespace chexworld::test {

std::string number_bytes(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += char(value >> (8 * i) & 0xff);
  return text;
}

namespace pickle {

std::string whole(const std::string& value) { return "\x80\x02" + value + "."; }

std::string text(std::string_view value) { return "X" + number_bytes(value.size(), 4) + std::string(value); }

std::string integer(std::int64_t value) {
  if (value >= INT32_MIN && value <= INT32_MAX) return "J" + number_bytes(std::uint64_t(value), 4);
  return "\x8a\x08" + number_bytes(std::uint64_t(value), 8);
}

std::string boolean(bool value) { return value ? "\x88" : "\x89"; }

std::string none() { return "N"; }

namespace {
std::string marked(const std::vector<std::string>& items, char end) {
  std::string text = "(";
  for (const std::string& item : items) text += item;
  return text + end;
}
}  // namespace

std::string tuple(const std::vector<std::string>& items) { return marked(items, 't'); }

std::string list(const std::vector<std::string>& items) { return "]" + marked(items, 'e'); }

std::string dictionary(const std::vector<std::pair<std::string, std::string>>& items) {
  std::vector<std::string> flat;
  for (const auto& [key, value] : items) flat.insert(flat.end(), {text(key), value});
  return "}" + marked(flat, 'u');
}

std::string global(std::string_view module, std::string_view name) {
  return "c" + std::string(module) + "\n" + std::string(name) + "\n";
}

std::string call(const std::string& function, const std::vector<std::string>& arguments) {
  return function + tuple(arguments) + "R";
}

std::string storage(std::string_view class_name, std::string_view key, std::int64_t elements) {
  return tuple({text("storage"), global("torch", class_name), text(key), text("cpu"), integer(elements)}) + "Q";
}

namespace {
std::string integers(const std::vector<std::int64_t>& values) {
  std::vector<std::string> items;
  for (const std::int64_t value : values) items.push_back(integer(value));
  return tuple(items);
}
}  // namespace

std::string tensor(const std::string& storage, std::int64_t offset, const std::vector<std::int64_t>& size,
                   const std::vector<std::int64_t>& stride) {
  return call(global("torch._utils", "_rebuild_tensor_v2"),
              {storage, integer(offset), integers(size), integers(stride), boolean(false),
               call(global("collections", "OrderedDict"), {})});
}

std::string dense(std::string_view key, const std::vector<std::int64_t>& size) {
  std::vector<std::int64_t> stride(size.size(), 1);
  std::int64_t count = 1;
  for (std::size_t i = size.size(); i-- > 0;) {
    stride[i] = count;
    count *= size[i];
  }
  return tensor(storage("FloatStorage", key, count), 0, size, stride);
}

}  // namespace pickle

namespace {

std::uint32_t crc_of(const ZipMember& member) {
  return member.crc.value_or(crc32(std::as_bytes(std::span(member.content))));
}

std::uint16_t flags_of(const ZipMember& member) {
  return std::uint16_t(member.flags | (member.descriptor_bytes != 0 ? 0x8 : 0));
}

std::string local_part(const ZipMember& member) {
  const bool later = member.descriptor_bytes != 0;
  const std::string& name = member.local_name.value_or(member.name);
  const std::uint32_t crc = member.local_crc.value_or(later ? 0 : crc_of(member));
  const std::uint32_t size = member.local_size.value_or(later ? 0 : std::uint32_t(member.content.size()));
  std::string text = "PK\3\4" + number_bytes(20, 2) + number_bytes(flags_of(member), 2) +
                     number_bytes(member.method, 2) + number_bytes(0, 4) + number_bytes(crc, 4) +
                     number_bytes(size, 4) + number_bytes(size, 4) + number_bytes(name.size(), 2) +
                     number_bytes(member.local_extra.size(), 2) + name + member.local_extra + member.content;
  if (!later) return text;
  const int width = member.descriptor_bytes == 24 ? 8 : 4;
  return text + "PK\7\x8" + number_bytes(member.descriptor_crc.value_or(crc_of(member)), 4) +
         number_bytes(member.content.size(), width) + number_bytes(member.content.size(), width);
}

std::string central_part(const ZipMember& member, std::uint64_t offset) {
  const auto size = std::uint32_t(member.content.size());
  const std::uint32_t stored = member.central_size.value_or(size);
  return "PK\1\2" + number_bytes(20, 2) + number_bytes(20, 2) + number_bytes(flags_of(member), 2) +
         number_bytes(member.method, 2) + number_bytes(0, 4) + number_bytes(crc_of(member), 4) +
         number_bytes(stored, 4) + number_bytes(member.plain_size.value_or(stored), 4) +
         number_bytes(member.name.size(), 2) + number_bytes(member.central_extra.size(), 2) +
         number_bytes(member.central_comment.size(), 2) + number_bytes(0, 8) +
         number_bytes(member.offset.value_or(std::uint32_t(offset)), 4) + member.name + member.central_extra +
         member.central_comment;
}

std::string end_parts(std::size_t members, std::size_t begin, std::size_t bytes, const ZipTail& tail) {
  std::string text;
  if (tail.zip64) {
    const std::uint64_t count = tail.members64.value_or(members);
    text = "PK\6\6" + number_bytes(tail.record64_size, 8) + number_bytes(0x002d002d, 4) + number_bytes(0, 8) +
           number_bytes(count, 8) + number_bytes(count, 8) + number_bytes(bytes, 8) + number_bytes(begin, 8) +
           "PK\6\7" + number_bytes(0, 4) + number_bytes(tail.record64_begin.value_or(begin + bytes), 8) +
           number_bytes(1, 4);
  }
  const std::uint16_t count = tail.members.value_or(std::uint16_t(members));
  return text + "PK\5\6" + number_bytes(tail.disk, 2) + number_bytes(tail.disk, 2) + number_bytes(count, 2) +
         number_bytes(count, 2) + number_bytes(bytes, 4) +
         number_bytes(tail.directory_begin.value_or(std::uint32_t(begin)), 4) + number_bytes(0, 2);
}

}  // namespace

std::string zip_file(const std::vector<ZipMember>& members, const ZipTail& tail) {
  std::string file;
  std::string directory;
  for (const ZipMember& member : members) {
    file += member.gap_before;
    directory += central_part(member, file.size());
    file += local_part(member);
  }
  file += tail.gap;
  const std::size_t begin = file.size();
  return file + directory + end_parts(members.size(), begin, directory.size(), tail) + tail.appended;
}

std::vector<ZipMember> torch_members(const std::string& pickle, const std::vector<TorchStorage>& storages) {
  std::vector<ZipMember> members{{"archive/data.pkl", pickle}, {"archive/byteorder", "little"}};
  for (const TorchStorage& storage : storages) members.push_back({"archive/data/" + storage.key, storage.content});
  members.push_back({"archive/version", "3\n"});
  for (ZipMember& member : members) member.descriptor_bytes = 16;
  return members;
}

std::string torch_zip(const std::string& pickle, const std::vector<TorchStorage>& storages) {
  return zip_file(torch_members(pickle, storages), {.zip64 = true});
}

LegacyParts legacy_parts(const std::string& object, const std::vector<TorchStorage>& storages, int element_bytes) {
  using namespace pickle;
  LegacyParts parts;
  parts.magic = whole(std::string("\x8a\x0a") + "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19");
  parts.version = whole(integer(1001));
  parts.system = whole(dictionary({{"protocol_version", integer(1001)}, {"little_endian", boolean(true)}}));
  parts.object = object;
  std::vector<std::string> keys;
  for (const TorchStorage& storage : storages) {
    keys.push_back(text(storage.key));
    parts.storages += number_bytes(storage.content.size() / std::size_t(element_bytes), 8) + storage.content;
  }
  parts.keys = whole(list(keys));
  return parts;
}

}  // namespace chexworld::test
