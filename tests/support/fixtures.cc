#include "support/fixtures.h"

#include <fmt/core.h>

#include <cstdint>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "base/bytes.h"

namespace grapevine::testing {

namespace {

// Reads the integers and byte strings of a block file record.
class RecordReader {
 public:
  explicit RecordReader(std::string_view input) : rest_(input) {}

  bool at_end() const { return rest_.empty(); }

  std::uint64_t Varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) break;
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80) return value;
    }
    throw std::runtime_error("block file: bad varint");
  }

  std::string_view Bytes() {
    const std::uint64_t size = Varint();
    if (size > rest_.size()) throw std::runtime_error("block file: truncated");
    const std::string_view bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }

 private:
  std::string_view rest_;
};

void AppendVarint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

void AppendBytesField(std::string& out, int field, std::string_view bytes) {
  AppendVarint(out, static_cast<std::uint64_t>(field) << 3 | 2);
  AppendVarint(out, bytes.size());
  out += bytes;
}

std::string BlockFromRecord(std::string_view record) {
  RecordReader reader(record);
  std::string header;
  if (const std::uint64_t number = reader.Varint(); number != 0) {
    AppendVarint(header, 1 << 3);
    AppendVarint(header, number);
  }
  const std::string_view data_hash = reader.Bytes();
  if (const std::string_view previous_hash = reader.Bytes(); !previous_hash.empty()) {
    AppendBytesField(header, 2, previous_hash);
  }
  AppendBytesField(header, 3, data_hash);

  std::string block;
  AppendBytesField(block, 1, header);
  for (const int field : {2, 3}) {  // BlockData, then BlockMetadata: both a list of byte strings in field 1
    std::string list;
    for (std::uint64_t count = reader.Varint(); count > 0; --count) AppendBytesField(list, 1, reader.Bytes());
    AppendBytesField(block, field, list);
  }
  return block;
}

}  // namespace

std::string FixturePath(std::string_view name) { return fmt::format("{}/fabric-2.5.5/{}", GRAPEVINE_TEST_DATA, name); }

std::string ReadFixture(std::string_view name) {
  std::ifstream file(FixturePath(name), std::ios::binary);
  if (!file) throw std::runtime_error(fmt::format("no fixture '{}'", FixturePath(name)));
  return {std::istreambuf_iterator<char>(file), {}};
}

nlohmann::json ReadFixtureJson(std::string_view name) { return nlohmann::json::parse(ReadFixture(name)); }

std::vector<std::string> ReadFixtureBlocks(std::string_view name) {
  const std::string content = ReadFixture(name);
  std::vector<std::string> blocks;
  for (RecordReader reader(content); !reader.at_end();) blocks.push_back(BlockFromRecord(reader.Bytes()));
  return blocks;
}

std::string FromHexText(std::string_view hex) { return base::FromHex(hex).value(); }

}  // namespace grapevine::testing
