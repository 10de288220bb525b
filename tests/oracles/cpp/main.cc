#include <absl/synchronization/mutex.h>
#include <grpcpp/support/slice.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <vector>

#include "oracle.h"

namespace grapevine::oracle {

Options::Options(int count, char** arguments) {
  for (int i = 2; i + 1 < count; i += 2) values_[std::string(arguments[i]).substr(2)] = arguments[i + 1];
}

std::string Options::Text(const std::string& name, std::string fallback) const {
  auto found = values_.find(name);
  return found == values_.end() ? std::move(fallback) : found->second;
}

long Options::Number(const std::string& name, long fallback) const {
  return Has(name) ? std::strtol(Text(name).c_str(), nullptr, 10) : fallback;
}

void Print(const nlohmann::json& line) {
  static std::mutex mutex;
  std::lock_guard lock(mutex);
  std::cout << line.dump() << '\n' << std::flush;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

std::string ToHex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (unsigned char byte : bytes) {
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

std::string Pattern(std::size_t index, std::size_t size) {
  std::string content(size, '\0');
  auto byte = static_cast<unsigned char>(index * 31);
  for (char& c : content) {
    c = static_cast<char>(byte);
    byte = static_cast<unsigned char>(byte + 7);
  }
  return content;
}

grpc::ByteBuffer ToBuffer(const std::string& content) {
  grpc::Slice slice(content);
  return grpc::ByteBuffer(&slice, 1);
}

std::string ToString(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string content;
  if (!buffer.Dump(&slices).ok()) return content;
  content.reserve(buffer.Length());
  for (const grpc::Slice& slice : slices) content.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return content;
}

void Gate::Open() {
  std::lock_guard lock(mutex_);
  open_ = true;
  opened_.notify_all();
}

void Gate::Wait() {
  std::unique_lock lock(mutex_);
  opened_.wait(lock, [this] { return open_; });
}

}  // namespace grapevine::oracle

int main(int count, char** arguments) {
  // Debian's library is built with deadlock detection, which costs a fifth of its speed.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  std::string role = count > 1 ? arguments[1] : "";
  grapevine::oracle::Options options(count, arguments);
  if (role == "server") return grapevine::oracle::RunServer(options);
  if (role == "client") return grapevine::oracle::RunClient(options);
  std::cerr << "usage: grpc_cpp_oracle server|client [--option value]..., see tests/oracles/README.md\n";
  return 2;
}
