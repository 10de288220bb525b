#include "app/ledger_command.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <vector>

#include "app/block_folders.h"
#include "base/bytes.h"
#include "ledger/chain_verifier.h"
#include "runtime/posix_files.h"

namespace grapevine::app {
namespace {

nlohmann::json ToJson(const std::string& folder, const ledger::ChainReport& report, bool verified) {
  nlohmann::json json = {{"folder", folder},
                         {"channel", report.channel},
                         {"files", report.files},
                         {"bytes", report.bytes},
                         {"first_block", report.first_block},
                         {"height", report.height},
                         {"current_hash", base::ToHex(report.current_hash)},
                         {"transactions", report.transactions},
                         {"incomplete_bytes", report.incomplete_bytes},
                         {"unvalidated", report.unvalidated},
                         {"problems", nlohmann::json::array()}};
  if (verified) {
    json["config_blocks"] = report.config_blocks;
    json["verified_signatures"] = report.verified_signatures;
  }
  for (const auto& problem : report.problems) {
    json["problems"].push_back({{"file", problem.file}, {"offset", problem.offset}, {"message", problem.message}});
  }
  return json;
}

void Print(std::ostream& out, const std::string& folder, const ledger::ChainReport& report, bool verified) {
  out << fmt::format("channel {} in {}\n", report.channel.empty() ? "(unknown)" : report.channel, folder)
      << fmt::format("  height {}, {} blocks from {}, {} transactions, {} bytes in {} files\n", report.height,
                     report.blocks, report.first_block, report.transactions, report.bytes, report.files)
      << fmt::format("  current hash {}\n", base::ToHex(report.current_hash));
  if (report.unvalidated) out << "  transactions not validated: validation codes are not to be trusted\n";
  if (report.incomplete_bytes != 0) {
    out << fmt::format("  {} bytes of an unfinished record at the end: cut off at the next start of the node\n",
                       report.incomplete_bytes);
  }
  for (const auto& problem : report.problems) {
    out << fmt::format("  WRONG: {}, offset {}: {}\n", problem.file, problem.offset, problem.message);
  }
  if (verified && report.problems.empty()) {
    out << fmt::format("  verified: numbers, hashes, and the orderer signatures of {} blocks under {} configurations\n",
                       report.verified_signatures, report.config_blocks.size());
  }
}

int Run(const LedgerOptions& options, bool verify, std::ostream& out, std::ostream& err) {
  runtime::PosixFileSystem files;
  const std::vector<std::string> folders = FindBlockFolders(files, options.folder);
  if (folders.empty()) {
    err << fmt::format("no block files in '{}': name a channel's folder, a peer's ledgersData or an orderer's folder\n",
                       options.folder);
    return 1;
  }
  int status = 0;
  nlohmann::json reports = nlohmann::json::array();
  for (const std::string& folder : folders) {
    const auto report = ledger::VerifyChain(files, folder, {.verify = verify, .max_problems = 100, .limits = {}});
    if (!report) {
      err << report.error().message << "\n";
      status = 1;
      continue;
    }
    if (!report->problems.empty()) status = 1;
    if (options.json) {
      reports.push_back(ToJson(folder, *report, verify));
    } else {
      Print(out, folder, *report, verify);
    }
  }
  // Names of files and channels may be any bytes.
  if (options.json) out << reports.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
  return status;
}

}  // namespace

int RunLedgerVerify(const LedgerOptions& options, std::ostream& out, std::ostream& err) {
  return Run(options, true, out, err);
}

int RunLedgerInfo(const LedgerOptions& options, std::ostream& out, std::ostream& err) {
  return Run(options, false, out, err);
}

void AddLedgerCommand(CLI::App& app, CommandContext& context) {
  const auto options = std::make_shared<LedgerOptions>();
  CLI::App* ledger = app.add_subcommand("ledger", "Look at block files of Grapevine, Fabric peers and orderers");
  ledger->require_subcommand(1);
  const auto add = [&](const char* name, const char* description, auto run) {
    CLI::App* command = ledger->add_subcommand(name, description);
    command->add_option("DIR", options->folder, "A channel's block folder, a peer's ledgersData or an orderer's folder")
        ->required();
    command->add_flag("--json", options->json, "Print JSON, one object per channel");
    command->callback([&context, options, run] { context.status = run(*options, context.out, context.err); });
  };
  add("verify", "Check every record, hash and orderer signature, from block 0 on", RunLedgerVerify);
  add("info", "Show height, sizes and configuration blocks", RunLedgerInfo);
  ledger->footer(
      "Examples:\n"
      "  grapevine ledger info /var/hyperledger/production/ledgersData\n"
      "  grapevine ledger verify ledgers/peer0.org1/ledgersData --json");
}

}  // namespace grapevine::app
