// Joins a channel as a peer and prints each block as it commits: print_blocks CORE_YAML GENESIS_BLOCK
#include <cstdio>
#include <cstdlib>

#include "runtime/configuration_file.h"
#include "runtime/event_loop.h"
#include "runtime/log_output.h"
#include "runtime/peer.h"
#include "runtime/posix_files.h"
#include "runtime/read_file.h"
#include "runtime/worker_pool.h"

using namespace grapevine;

template <typename T>
T Need(base::Result<T> result) {
  if (result) return *std::move(result);
  std::fprintf(stderr, "%s\n", result.error().message.c_str());
  std::exit(1);
}

int main(int argc, char** argv) {
  if (argc != 3) return std::fputs("print_blocks CORE_YAML GENESIS_BLOCK\n", stderr), 2;
  runtime::EventLoop loop;
  runtime::WorkerPool workers(loop, 2);
  runtime::PosixFileSystem disk;
  runtime::LogOutput log;
  const auto configuration =
      Need(runtime::LoadConfiguration(argv[1], runtime::ReadProcessEnvironment())).reading.configuration;
  auto files = Need(runtime::LoadPeerFiles(configuration));
  const auto print = [](const std::string& channel, std::uint64_t number) {
    std::printf("%s %llu\n", channel.c_str(), static_cast<unsigned long long>(number));
    std::fflush(stdout);
  };
  const auto peer = Need(runtime::Peer::Open({.loop = loop, .workers = workers, .files = disk, .log = log},
                                             {.configuration = configuration,
                                              .files = std::move(files),
                                              .hooks = {.network = {}, .configuration = {}, .committed = print},
                                              .seed = {}}));
  Need(peer->Start());
  peer->JoinChannel(base::Bytes(Need(runtime::ReadFile(argv[2], "the genesis block"))),
                    [](const base::Result<std::string>& joined) {
                      if (!joined) std::fprintf(stderr, "%s\n", joined.error().message.c_str());  // for instance: again
                    });
  loop.Run();
}
