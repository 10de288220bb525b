#include "app/check_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>

#include "runtime/configuration_file.h"
#include "runtime/event_loop.h"
#include "runtime/peer_check.h"

namespace grapevine::app {
namespace {

using node::ConfigFinding;
using node::ConfigFindings;
using node::Severity;

std::size_t Count(const ConfigFindings& findings, Severity severity) {
  return static_cast<std::size_t>(std::ranges::count(findings, severity, &ConfigFinding::severity));
}

std::string Counted(std::size_t count, const char* what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

void PrintText(const std::string& path, const ConfigFindings& findings, std::ostream& out) {
  for (const ConfigFinding& finding : findings) {
    out << fmt::format("{:7} {}\n", ToString(finding.severity), ToString(finding));
  }
  out << fmt::format("{}: {}, {}, {}\n", path, Counted(Count(findings, Severity::kError), "error"),
                     Counted(Count(findings, Severity::kWarning), "warning"),
                     Counted(Count(findings, Severity::kNote), "note"));
}

void PrintJson(const std::string& path, const ConfigFindings& findings, std::ostream& out) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const ConfigFinding& finding : findings) {
    list.push_back({{"severity", ToString(finding.severity)},
                    {"key", finding.key},
                    {"value", finding.value},
                    {"rule", finding.rule},
                    {"remedy", finding.remedy}});
  }
  const nlohmann::ordered_json object = {{"file", path},
                                         {"errors", Count(findings, Severity::kError)},
                                         {"warnings", Count(findings, Severity::kWarning)},
                                         {"notes", Count(findings, Severity::kNote)},
                                         {"findings", std::move(list)}};
  // Values are the user's bytes, which need not be text.
  out << object.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << "\n";
}

}  // namespace

int RunNodeCheck(const CheckOptions& options, std::ostream& out, std::ostream& err) {
  const auto loaded = runtime::LoadConfiguration(options.config, options.environment);
  if (!loaded) {
    err << "grapevine: " << loaded.error().message << "\n";
    return 1;
  }
  ConfigFindings findings = loaded->reading.findings;
  const runtime::EventLoop clock;
  const ConfigFindings checked = runtime::CheckPeer(loaded->reading.configuration, clock.WallNow());
  findings.insert(findings.end(), checked.begin(), checked.end());
  runtime::SortBySeverity(findings);
  (options.json ? PrintJson : PrintText)(loaded->path, findings, out);
  return node::HasError(findings) ? 1 : 0;
}

}  // namespace grapevine::app
