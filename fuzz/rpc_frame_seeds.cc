// Writes seeds of the target rpc_frame into a folder: what each end receives in a few valid exchanges of a client and a
// server, behind the byte that the target begins with.
//
//   rpc_frame_seeds FOLDER
#include <cstdio>
#include <fstream>

#include "rpc_end.h"

namespace {

using namespace grapevine;  // NOLINT

struct Exchange {
  const char* name;
  std::vector<fuzz::Call> calls;
};

const std::vector<Exchange> kExchanges = {
    {"echo", {{"/s", {5}, false}, {"/s", {5}, true}, {"/s", {5}, false}}},
    {"sizes", {{"/s", {0, 1, 100}, true}, {"/s", {20000}, true}, {"/s", {7, 8}, false}}},
    {"unary", {{"/u", {5}, true}, {"/u", {5, 5}, true}, {"/u", {}, true}}},
    {"unknown", {{"/x", {5}, true}, {"/s", {}, true}, {"/x", {}, false}}},
};
// Clients echo as well, so that an exchange need not end by itself.
constexpr int kRounds = 4;

// Without the target's own preface; all credit and large pieces, or little of both.
constexpr unsigned char kServer = 1;
constexpr unsigned char kGenerous = 7 << 2 | 7 << 5;
constexpr unsigned char kNarrow = 1 << 2;

void Write(const std::string& path, unsigned char first, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << static_cast<char>(first) << bytes;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::fputs("usage: rpc_frame_seeds FOLDER\n", stderr);
    return 2;
  }
  for (const Exchange& exchange : kExchanges) {
    fuzz::RpcEnd client(false, 1000, exchange.calls);
    fuzz::RpcEnd server(true, 1000, {});
    std::string to_server;
    std::string to_client;
    for (int round = 0; round < kRounds; ++round) {
      const std::string request = client.TakeOutput();
      server.Receive(request);
      const std::string answer = server.TakeOutput();
      client.Receive(answer);
      to_server += request;
      to_client += answer;
    }
    const std::string path = std::string(arguments[1]) + "/" + exchange.name;
    Write(path + "-server", kServer | kGenerous, to_server);
    Write(path + "-server-narrow", kServer | kNarrow, to_server);
    Write(path + "-client", kGenerous, to_client);
    Write(path + "-client-narrow", kNarrow, to_client);
  }
  return 0;
}
