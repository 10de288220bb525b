// The table of configuration keys: it drives reading, and it is what docs/configuration.md shows.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "node/configuration.h"

namespace grapevine::node {

// Longer ones are refused: a peer multiplies durations by up to 100, and 292 years is the end of nanoseconds.
inline constexpr base::Duration kLongestDuration = std::chrono::hours(20'000);

// When the default applies (13, reading rules).
enum class ReadingRule {
  kUnlessPositive,  // Z: the key is absent, zero or unreadable
  kWhenAbsent,      // S: the key is absent; zero counts
  kRaw,             // R: as S, but the default is the zero of its type
  kIgnored,         // accepted and read nowhere
};

char ToLetter(ReadingRule rule);  // Z, S, R, -

// Access to a value of the kind named by its type. No value: the key is accepted and ignored.
using ConfigPlace =
    std::variant<std::monostate, base::Duration& (*)(Configuration&), std::uint64_t& (*)(Configuration&),
                 bool& (*)(Configuration&), std::string& (*)(Configuration&),
                 std::vector<std::string>& (*)(Configuration&), DelivererPolicy& (*)(Configuration&),
                 std::vector<AddressOverride>& (*)(Configuration&)>;

// A default that depends on values read before it.
struct DerivedDefault {
  std::string_view text = {};  // empty: the default is what Configuration{} has
  void (*apply)(Configuration&) = nullptr;
};

// Texts of which one must be given.
struct Choices {
  std::array<std::string_view, 2> values = {};  // the second may be empty: there is only one
  std::string_view otherwise = {};              // what is said of another value
  bool others_are_errors = false;               // else the default is used, with a warning
};

struct ConfigKey {
  std::string_view name;
  ReadingRule rule;
  std::string_view component;  // who uses it
  ConfigPlace place;
  std::string_view meaning;
  DerivedDefault otherwise = {};
  std::string_view note = {};        // said whenever the key is set: what it does not do here
  bool negative_is_default = false;  // else a negative value is refused
  bool is_path = false;              // relative to the folder of the configuration file
  Choices choices = {};              // text only; none: any text
};

// In the order of reading: a key stands behind those on which its default depends.
std::span<const ConfigKey> ConfigKeys();
// Keys compare without regard to case, as viper compares them. Null if there is none.
const ConfigKey* FindConfigKey(std::string_view name);

// A part of Fabric that Grapevine does not have. Its keys are accepted, and said once to be without effect.
struct NotApplicablePart {
  std::string_view name;  // a key, or what stands before the dot in several
  std::string_view reason;
};
std::span<const NotApplicablePart> NotApplicableParts();
// The part to which a key belongs; null if it belongs to none.
const NotApplicablePart* FindNotApplicablePart(std::string_view key);

// "duration", "integer", "true or false", "text", "list", ...
std::string KindOf(const ConfigKey& key);
// The value as a file has it; nothing set is empty.
std::string FormatValue(const ConfigKey& key, const Configuration& configuration);
// The default as the document has it.
std::string FormatDefault(const ConfigKey& key);

// Makes relative paths relative to `folder`, that of the configuration file. No file is looked at.
void ResolvePaths(const std::string& folder, Configuration& configuration);

// How viper compares keys: ASCII letters without regard to case.
struct KeyLess {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const;
};

}  // namespace grapevine::node
