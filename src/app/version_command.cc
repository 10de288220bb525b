#include "app/version_command.h"

#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace grapevine::app {

void AddVersionCommand(CLI::App& app, CommandContext& context) {
  CLI::App* version = app.add_subcommand("version", "Show the version of this program");
  const auto json = std::make_shared<bool>(false);
  version->add_flag("--json", *json, "Print JSON");
  version->callback([&context, json] {
    if (*json) {
      fmt::print(context.out, "{}\n", nlohmann::json{{"version", context.version}, {"commit", context.commit}}.dump(2));
    } else {
      fmt::print(context.out, "grapevine {}{}\n", context.version,
                 context.commit.empty() ? "" : " (commit " + context.commit + ")");
    }
  });
  version->footer("Example:\n  grapevine version --json");
}

}  // namespace grapevine::app
