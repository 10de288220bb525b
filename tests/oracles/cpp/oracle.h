// The gRPC C++ library as the other end of tests/rpc; tests/oracles/README.md says what it understands.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <condition_variable>
#include <cstddef>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace grapevine::oracle {

// `--name value` pairs of the command line.
class Options {
 public:
  Options(int count, char** arguments);
  std::string Text(const std::string& name, std::string fallback = "") const;
  long Number(const std::string& name, long fallback) const;
  bool Has(const std::string& name) const { return values_.contains(name); }

 private:
  std::map<std::string, std::string> values_;
};

// One JSON object per line, whichever thread prints it.
void Print(const nlohmann::json& line);

std::string ReadFile(const std::string& path);
std::string ToHex(std::string_view bytes);

// Byte `i` of message `index` is (index * 31 + i * 7) mod 256: a shift, a loss and a swap all show.
std::string Pattern(std::size_t index, std::size_t size);

grpc::ByteBuffer ToBuffer(const std::string& content);
std::string ToString(const grpc::ByteBuffer& buffer);

// Opened once by the command `resume`; threads wait for it.
class Gate {
 public:
  void Open();
  void Wait();

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool open_ = false;
};

int RunServer(const Options& options);
int RunClient(const Options& options);

}  // namespace grapevine::oracle
