#include "node/config_source.h"

#include <fmt/core.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <string_view>

namespace grapevine::node {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;

// Aliases can make a small file large.
constexpr std::size_t kMaxKeys = 10'000;
constexpr int kMaxDepth = 64;

int LineOf(const YAML::Node& node) { return node.Mark().line + 1; }

// As SplitList takes it apart again.
std::string Escape(const std::string& element) {
  std::string escaped;
  for (const char c : element) {
    if (std::string_view(", \t\r\n\\").contains(c)) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

// Puts what is below `node` into a flat map.
class Flattener {
 public:
  Result<void> Add(const std::string& key, const YAML::Node& node, int depth) {
    if (depth > kMaxDepth) return Fail(ErrorCode::kInvalid, "line {}: nested too deeply", LineOf(node));
    switch (node.Type()) {
      case YAML::NodeType::Scalar:
        return Put(key, node.Scalar(), LineOf(node));
      case YAML::NodeType::Sequence:
        return AddSequence(key, node, depth);
      case YAML::NodeType::Map:
        return AddMap(key, node, depth);
      default:
        return {};  // no value
    }
  }

  ConfigValues Take() { return std::move(values_); }

 private:
  Result<void> AddMap(const std::string& key, const YAML::Node& node, int depth) {
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) return Fail(ErrorCode::kInvalid, "line {}: a key must be text", LineOf(entry.first));
      const std::string& name = entry.first.Scalar();
      if (auto added = Add(key.empty() ? name : key + "." + name, entry.second, depth + 1); !added) return added;
    }
    return {};
  }

  // Scalars become one text; groups get their place as part of the key.
  Result<void> AddSequence(const std::string& key, const YAML::Node& node, int depth) {
    std::string joined;
    std::size_t place = 0;
    for (const YAML::Node& element : node) {
      if (element.IsScalar()) {
        joined += (joined.empty() ? "" : ",") + Escape(element.Scalar());
      } else if (auto added = Add(fmt::format("{}.{}", key, place), element, depth + 1); !added) {
        return added;
      }
      ++place;
    }
    return joined.empty() ? Result<void>() : Put(key, joined, LineOf(node));
  }

  Result<void> Put(const std::string& key, const std::string& text, int line) {
    if (values_.size() == kMaxKeys) return Fail(ErrorCode::kInvalid, "line {}: more than {} keys", line, kMaxKeys);
    if (!values_.emplace(key, text).second) {
      return Fail(ErrorCode::kInvalid, "line {}: {} stands twice; remove one of them", line, key);
    }
    return {};
  }

  ConfigValues values_;
};

}  // namespace

Result<ConfigValues> ReadCoreYaml(const std::string& text) {
  try {
    const YAML::Node root = YAML::Load(text);
    if (!root.IsMap() && !root.IsNull()) return Fail(ErrorCode::kInvalid, "core.yaml: must have keys, as peer:");
    Flattener flattener;
    if (auto added = flattener.Add("", root, 0); !added) return base::Wrap(added.error(), "core.yaml");
    return flattener.Take();
  } catch (const YAML::Exception& error) {
    return Fail(ErrorCode::kInvalid, "core.yaml: line {}: {}", error.mark.line + 1, error.msg);
  }
}

void OverrideFromEnvironment(const std::map<std::string, std::string>& environment, ConfigValues& values) {
  static constexpr std::string_view kPrefix = "CORE_";
  for (const auto& [name, text] : environment) {
    if (!name.starts_with(kPrefix) || text.empty()) continue;
    std::string key = name.substr(kPrefix.size());
    std::ranges::replace(key, '_', '.');
    if (const ConfigKey* known = FindConfigKey(key)) key = known->name;  // as people write it
    values.insert_or_assign(key, text);
  }
}

}  // namespace grapevine::node
