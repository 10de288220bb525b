#include "node/config_finding.h"

#include <fmt/core.h>

#include <algorithm>

namespace grapevine::node {

const char* ToString(Severity severity) {
  switch (severity) {
    case Severity::kNote:
      return "note";
    case Severity::kWarning:
      return "warning";
    case Severity::kError:
      return "error";
  }
  return "unknown";
}

std::string ToString(const ConfigFinding& finding) {
  const std::string subject =
      finding.value.empty() ? finding.key + " is not set" : fmt::format("{} = {}", finding.key, finding.value);
  return fmt::format("{}: {}; {}", subject, finding.rule, finding.remedy);
}

bool HasError(const ConfigFindings& findings) {
  return std::ranges::any_of(findings, [](const ConfigFinding& f) { return f.severity == Severity::kError; });
}

}  // namespace grapevine::node
