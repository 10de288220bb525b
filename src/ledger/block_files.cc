#include "ledger/block_files.h"

#include <algorithm>
#include <charconv>

#include "ledger/varint.h"

namespace grapevine::ledger {
namespace {

using base::ByteView;
using base::ErrorCode;
using base::Fail;
using base::Result;

constexpr std::string_view kNamePrefix = "blockfile_";
// The length of a record must fit in 8 bytes as a varint; no longer one is written.
constexpr std::size_t kMaxLengthBytes = 8;

}  // namespace

std::string BlockFilePath(const std::string& folder, std::uint64_t file) {
  return fmt::format("{}/{}{:06}", folder, kNamePrefix, file);
}

Result<std::vector<std::uint64_t>> ListBlockFiles(base::FileSystem& files, const std::string& folder) {
  const auto names = files.List(folder);
  if (!names) return std::unexpected(names.error());
  std::vector<std::uint64_t> numbers;
  for (const std::string& name : *names) {
    if (!name.starts_with(kNamePrefix)) continue;
    std::uint64_t number = 0;
    const char* const end = name.data() + name.size();
    const auto [last, error] = std::from_chars(name.data() + kNamePrefix.size(), end, number);
    if (error == std::errc() && last == end) numbers.push_back(number);
  }
  std::sort(numbers.begin(), numbers.end());
  for (std::size_t i = 1; i < numbers.size(); ++i) {
    if (numbers[i] != numbers[i - 1] + 1) {
      return Fail(ErrorCode::kCorrupt, "'{}' is missing: restore it, or remove the block files after it",
                  BlockFilePath(folder, numbers[i - 1] + 1));
    }
  }
  return numbers;
}

Result<ByteView> RecordReader::Peek(std::uint64_t count) {
  const std::uint64_t skip = offset_ - buffer_offset_;
  if (offset_ < buffer_offset_ || skip > buffer_.size() || buffer_.size() - skip < count) {
    auto content = file_->ReadAt(offset_, static_cast<std::size_t>(std::max<std::uint64_t>(count, read_bytes_)));
    if (!content) return std::unexpected(content.error());
    buffer_ = std::move(*content);
    buffer_offset_ = offset_;
  }
  return ByteView(buffer_).substr(static_cast<std::size_t>(offset_ - buffer_offset_));
}

Result<ReadRecord> RecordReader::Next() {
  ReadRecord result;
  result.offset = offset_;
  const auto front = Peek(kMaxLengthBytes);
  if (!front) return std::unexpected(front.error());
  if (front->empty()) return result;

  ByteReader length_reader(front->substr(0, kMaxLengthBytes));
  const auto length = length_reader.Varint();
  if (!length) {
    const bool cut = length_reader.truncated() && front->size() < kMaxLengthBytes;
    result.state = cut ? ReadState::kIncomplete : ReadState::kMalformed;
    result.plausible = cut;
    result.part.state = BodyState::kTruncated;
    result.problem = cut ? "the file ends within the length of a record" : "the length of the record does not decode";
    return result;
  }
  const std::size_t length_size = std::min(front->size(), kMaxLengthBytes) - length_reader.rest().size();
  if (*length > max_record_bytes_) {
    result.state = ReadState::kMalformed;
    result.problem = fmt::format("a record of {} bytes is larger than the limit of {}", *length, max_record_bytes_);
    return result;
  }
  const auto available = Peek(length_size + *length);
  if (!available) return std::unexpected(available.error());
  if (available->size() < length_size + *length) {
    result.state = ReadState::kIncomplete;
    result.part = DecodeBody(available->substr(length_size));
    result.plausible = result.part.state == BodyState::kTruncated;
    result.problem = fmt::format("the file ends {} bytes before the end of a record of {} bytes",
                                 length_size + *length - available->size(), length_size + *length);
    return result;
  }
  DecodedBody decoded = DecodeBody(available->substr(length_size, static_cast<std::size_t>(*length)));
  if (decoded.state != BodyState::kComplete) {
    result.state = ReadState::kMalformed;
    result.problem = decoded.problem;
    return result;
  }
  result.state = ReadState::kRecord;
  result.record = available->substr(0, static_cast<std::size_t>(length_size + *length));
  result.block = std::move(decoded.block);
  offset_ += result.record.size();
  return result;
}

}  // namespace grapevine::ledger
