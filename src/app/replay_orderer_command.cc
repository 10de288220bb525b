#include "app/replay_orderer_command.h"

#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "app/replay_orderer.h"
#include "base/metrics.h"
#include "base/random.h"
#include "runtime/event_loop.h"
#include "runtime/log_output.h"
#include "runtime/posix_files.h"
#include "runtime/read_file.h"
#include "runtime/signal_watch.h"
#include "runtime/worker_pool.h"

namespace grapevine::app {

using base::Result;

namespace {

constexpr std::size_t kOrdererWorkers = 2;

struct Options {
  ReplayOrdererOptions orderer;  // without what comes from files
  std::string genesis;
  std::string tls_certificate;
  std::string tls_key;
  std::vector<std::string> tls_client_authorities;
  std::uint64_t rate = 0;
};

Result<ReplayOrdererOptions> ReadFiles(const Options& options) {
  ReplayOrdererOptions orderer = options.orderer;
  if (options.tls_certificate.empty() != options.tls_key.empty()) {
    return base::Fail(base::ErrorCode::kInvalid, "--tls-cert and --tls-key belong together: give both");
  }
  if (options.tls_certificate.empty() && !options.tls_client_authorities.empty()) {
    return base::Fail(base::ErrorCode::kInvalid, "--tls-client-ca needs --tls-cert and --tls-key");
  }
  const auto read = [](const std::string& path, const char* purpose, auto take) -> Result<void> {
    if (path.empty()) return {};
    auto content = runtime::ReadFile(path, purpose);
    if (!content) return std::unexpected(content.error());
    take(std::move(*content));
    return {};
  };
  std::vector<Result<void>> results = {
      read(options.genesis, "the genesis block",
           [&](std::string content) { orderer.chain.genesis = base::Bytes(std::move(content)); }),
      read(options.tls_certificate, "the TLS certificate",
           [&](std::string content) { orderer.tls_certificate = std::move(content); }),
      read(options.tls_key, "the TLS key", [&](std::string content) { orderer.tls_key = std::move(content); })};
  for (const std::string& path : options.tls_client_authorities) {
    results.push_back(read(path, "the TLS client CA",
                           [&](std::string content) { orderer.tls_client_authorities.push_back(std::move(content)); }));
  }
  for (const auto& result : results) {
    if (!result) return std::unexpected(result.error());
  }
  return orderer;
}

void Announce(const ReplayOrderer& orderer, const Options& options, std::ostream& out) {
  const RecordedChain& recorded = orderer.chain().recorded();
  fmt::print(out, "serving channel {} on {}, {}: {} of {} blocks", recorded.channel(), orderer.address(),
             options.tls_certificate.empty()          ? "plaintext"
             : options.tls_client_authorities.empty() ? "TLS"
                                                      : "mutual TLS",
             orderer.chain().height(), recorded.height());
  if (orderer.chain().complete()) {
    fmt::print(out, "\n");
  } else if (options.rate == 0) {
    fmt::print(out, ", the rest at once\n");
  } else {
    fmt::print(out, ", the rest at {} per second\n", options.rate);
  }
  out.flush();
}

// Until SIGTERM or SIGINT.
Result<void> Run(const Options& options, std::ostream& out) {
  const auto orderer_options = ReadFiles(options);
  if (!orderer_options) return std::unexpected(orderer_options.error());
  runtime::LogOutput log;
  runtime::PosixFileSystem files;
  runtime::EventLoop loop;
  // Before the first thread.
  const runtime::SignalWatch terminate(loop, SIGTERM, [&] { loop.Stop(); });
  const runtime::SignalWatch interrupt(loop, SIGINT, [&] { loop.Stop(); });
  base::Metrics metrics;
  base::Random random(1);
  std::unique_ptr<ReplayOrderer> orderer;
  runtime::WorkerPool workers(loop, kOrdererWorkers);
  const base::Environment environment{
      .executor = loop, .workers = workers, .random = random, .metrics = metrics, .log = base::Logger(&log, "orderer")};
  auto started = ReplayOrderer::Start(environment, loop, files, *orderer_options);
  if (!started) return std::unexpected(started.error());
  orderer = std::move(*started);
  Announce(*orderer, options, out);
  orderer->chain().Grow(options.rate);
  loop.Run();
  orderer.reset();
  return {};
}

}  // namespace

void AddReplayOrdererCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("replay-orderer", "Serve a recorded chain as an ordering service does, for demos and tests");
  const auto shared = std::make_shared<Options>();
  Options& options = *shared;
  command
      ->add_option("--blocks", options.orderer.chain.path,
                   "First block file of a chain, a channel's folder, a peer's ledgersData or an orderer's folder")
      ->required();
  command->add_option("--channel", options.orderer.chain.channel, "Which channel of a folder with several");
  command->add_option("--genesis", options.genesis,
                      "Genesis block: the chain must begin with it, or with the block after it");
  command->add_option("--listen", options.orderer.listen, "Where to listen, HOST:PORT; port 0: any")
      ->capture_default_str();
  command->add_option("--tls-cert", options.tls_certificate, "TLS certificate, PEM (default: plaintext)");
  command->add_option("--tls-key", options.tls_key, "Its key, PEM");
  command->add_option("--tls-client-ca", options.tls_client_authorities,
                      "CA of TLS client certificates, PEM; several times: mutual TLS is required");
  command->add_option("--rate", options.rate, "Blocks per second that the chain grows by; 0: all at once")
      ->capture_default_str()
      ->check(CLI::Range(0, 1'000'000));
  command->add_option("--start-height", options.orderer.start_height, "Blocks that are there from the beginning")
      ->capture_default_str();
  command->footer(
      "Whoever reads must satisfy /Channel/Readers of the newest configuration block that has been passed.\n"
      "Examples:\n"
      "  grapevine replay-orderer --blocks orderer/chains/mychannel --listen 127.0.0.1:7050 \\\n"
      "    --tls-cert tls/server.crt --tls-key tls/server.key\n"
      "  grapevine replay-orderer --blocks net/chain/blockfile_000000 --rate 10 \\\n"
      "    --tls-cert tls/server.crt --tls-key tls/server.key --tls-client-ca org1-tlsca.pem");
  command->callback([&context, shared] {
    if (auto done = Run(*shared, context.out); !done) context.Fail(done.error());
  });
}

}  // namespace grapevine::app
