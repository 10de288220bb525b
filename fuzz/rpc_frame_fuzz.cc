// Arbitrary bytes as the remote of an HTTP/2 session: nothing may crash, and what is held stays within its bounds.
//
// The first byte chooses the side and how much credit consumers grant; the rest is what the remote sends, in pieces of
// varying size. A valid client preface is put in front for half of the server's inputs, so that frames are reached.
#include "rpc_end.h"

namespace {

using namespace grapevine;  // NOLINT

constexpr base::ByteView kPreface("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);
const std::vector<fuzz::Call> kCalls = {{"/s", {5}, false}, {"/s", {5}, true}, {"/s", {5}, false}};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const bool server = (data[0] & 1) != 0;
  const bool preface = (data[0] & 2) != 0;
  const std::size_t credit = (data[0] >> 2) & 7;
  std::size_t piece = 1 + (data[0] >> 5) * 40UL;
  base::ByteView input(reinterpret_cast<const char*>(data) + 1, size - 1);
  fuzz::RpcEnd connection(server, credit == 7 ? 1000 : credit, server ? std::vector<fuzz::Call>() : kCalls);
  if (preface && !connection.Receive(server ? kPreface : kPreface.substr(24))) std::abort();
  while (!input.empty()) {
    const auto part = input.substr(0, piece);
    input.remove_prefix(part.size());
    if (!connection.Receive(part)) return 0;
    connection.TakeOutput();
    piece += 17;
  }
  return 0;
}
