#include "node/config_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <numeric>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "node/config_value.h"

namespace grapevine::node {
namespace {

// Larger counts are mistakes; Go's int is no larger on small machines.
constexpr std::int64_t kMaxCount = 2'147'483'647;
constexpr std::size_t kMaxAddressOverrides = 1000;

// How many characters have to be inserted, removed or replaced; case does not count.
std::size_t EditDistance(std::string_view a, std::string_view b) {
  const auto same = [](char x, char y) {
    return !KeyLess()(std::string_view(&x, 1), std::string_view(&y, 1)) &&
           !KeyLess()(std::string_view(&y, 1), std::string_view(&x, 1));
  };
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t k = 0; k < b.size(); ++k) {
      const std::size_t replaced = diagonal + (same(a[i], b[k]) ? 0 : 1);
      diagonal = row[k + 1];
      row[k + 1] = std::min({replaced, row[k] + 1, diagonal + 1});
    }
  }
  return row.back();
}

// As many of the words between dots as `example` has.
std::string_view FirstWords(std::string_view key, std::string_view example) {
  std::size_t end = key.find('.');
  for (auto dots = std::ranges::count(example, '.'); dots > 0 && end != std::string_view::npos; --dots) {
    end = key.find('.', end + 1);
  }
  return key.substr(0, end);
}

std::string_view NearestKey(std::string_view unknown) {
  const auto distance = [&](const ConfigKey& key) { return EditDistance(unknown, key.name); };
  const ConfigKey& nearest = std::ranges::min(ConfigKeys(), {}, distance);
  // Of a part only the name is known.
  const auto part_distance = [&](const NotApplicablePart& part) {
    return EditDistance(FirstWords(unknown, part.name), part.name);
  };
  const NotApplicablePart& part = std::ranges::min(NotApplicableParts(), {}, part_distance);
  const std::size_t slip = part_distance(part);
  const bool is_part = slip < distance(nearest) && slip * 3 <= part.name.size();
  return is_part ? part.name : nearest.name;
}

class Reader {
 public:
  explicit Reader(const ConfigValues& values) : values_(values) {}

  ConfigReading Run() {
    for (const ConfigKey& key : ConfigKeys()) Read(key);
    for (const auto& [name, text] : values_) {
      if (known_.contains(name)) continue;
      if (const NotApplicablePart* part = FindNotApplicablePart(name)) {
        not_applicable_.insert(part->name);
      } else {
        Add(Severity::kWarning, name, text, "no such key, nothing reads it",
            fmt::format("the nearest known key is {}", NearestKey(name)));
      }
    }
    if (!not_applicable_.empty()) {
      Add(Severity::kNote, "not applicable", fmt::format("{}", fmt::join(not_applicable_, ", ")),
          "concern parts of Fabric that Grapevine does not have, so nothing reads them", "remove them if you like");
    }
    return std::move(reading_);
  }

 private:
  void Read(const ConfigKey& key) {
    if (auto* place = std::get_if<std::vector<AddressOverride>& (*)(Configuration&)>(&key.place)) {
      return ReadOverrides(key, (*place)(reading_.configuration));
    }
    const auto found = values_.find(key.name);
    if (found != values_.end()) known_.insert(found->first);
    const bool is_set = found != values_.end() && !found->second.empty();
    if (!is_set) {
      TakeDefault(key);
      return Unset(key);
    }
    const std::string& text = found->second;
    if (!IsChoice(key, text)) return;
    if (!key.note.empty()) Add(Severity::kNote, key.name, text, std::string(key.note), "remove it if you like");
    std::visit([&](auto place) { Store(key, text, place); }, key.place);
  }

  // True as well if the key is no choice.
  bool IsChoice(const ConfigKey& key, const std::string& text) {
    const auto& [first, second] = key.choices.values;
    if (first.empty() || text == first || text == second) return true;
    const std::string remedy = fmt::format("set it to {}", KindOf(key));
    if (key.choices.others_are_errors) {
      Refuse(key, text, std::string(key.choices.otherwise), remedy);
    } else {
      Add(Severity::kWarning, key.name, text, fmt::format("{}, so {} is used", key.choices.otherwise, DefaultOf(key)),
          remedy);
    }
    return false;
  }

  void Store(const ConfigKey&, const std::string&, std::monostate) {}

  void Store(const ConfigKey& key, const std::string& text, base::Duration& (*place)(Configuration&)) {
    const auto value = ParseDuration(text);
    if (!value) return Unreadable(key, text, value.error());
    if (*value < base::Duration::zero()) return Negative(key, text);
    if (*value == base::Duration::zero() && key.rule == ReadingRule::kUnlessPositive) return Zero(key, text);
    if (*value > kLongestDuration) {
      return Refuse(key, text, fmt::format("is longer than {}", FormatDuration(kLongestDuration)), "shorten it");
    }
    if (*value > base::Duration::zero() && LacksUnit(text)) {
      Add(Severity::kWarning, key.name, text, "has no unit and so counts nanoseconds, as in Fabric",
          fmt::format("write {0}s for seconds, {0}ns if it is meant", text));
    }
    place(reading_.configuration) = *value;
  }

  void Store(const ConfigKey& key, const std::string& text, std::uint64_t& (*place)(Configuration&)) {
    const auto value = ParseInteger(text);
    if (!value) return Unreadable(key, text, value.error());
    if (*value < 0) return key.negative_is_default ? NegativeIsDefault(key, text) : Negative(key, text);
    if (*value == 0 && key.rule == ReadingRule::kUnlessPositive) return Zero(key, text);
    if (*value > kMaxCount) {
      return Refuse(key, text, fmt::format("is larger than {}", kMaxCount), "set a smaller number");
    }
    place(reading_.configuration) = static_cast<std::uint64_t>(*value);
  }

  void Store(const ConfigKey& key, const std::string& text, bool& (*place)(Configuration&)) {
    const auto value = ParseBoolean(text);
    if (!value) return Unreadable(key, text, value.error());
    place(reading_.configuration) = *value;
  }

  void Store(const ConfigKey&, const std::string& text, std::string& (*place)(Configuration&)) {
    place(reading_.configuration) = text;
  }

  void Store(const ConfigKey&, const std::string& text, std::vector<std::string>& (*place)(Configuration&)) {
    place(reading_.configuration) = SplitList(text);
  }

  void Store(const ConfigKey& key, const std::string& text, DelivererPolicy& (*place)(Configuration&)) {
    if (text != "cluster" && text != "simple") {
      Add(Severity::kWarning, key.name, text, "is neither cluster nor simple, so cluster is used, as in Fabric",
          "correct it");
    }
    place(reading_.configuration) = text == "simple" ? DelivererPolicy::kSimple : DelivererPolicy::kCluster;
  }

  void Store(const ConfigKey&, const std::string&, std::vector<AddressOverride>& (*)(Configuration&)) {}

  // addressOverrides.0.from, .to, .caCertsFile; then 1, until one has none of them.
  void ReadOverrides(const ConfigKey& key, std::vector<AddressOverride>& overrides) {
    if (const auto found = values_.find(key.name); found != values_.end()) {
      known_.insert(found->first);
      if (!found->second.empty()) {
        Refuse(key, found->second, "is not a list of from, to and caCertsFile", "correct it, or remove the key");
      }
    }
    for (std::size_t i = 0; i < kMaxAddressOverrides; ++i) {
      AddressOverride entry;
      bool any = false;
      const auto take = [&](std::string_view field, std::string& to) {
        const auto found = values_.find(fmt::format("{}.{}.{}", key.name, i, field));
        if (found == values_.end()) return;
        any = true;
        known_.insert(found->first);
        to = found->second;
      };
      take("from", entry.from);
      take("to", entry.to);
      take("caCertsFile", entry.ca_certs_file);
      if (!any) return;
      overrides.push_back(std::move(entry));
    }
  }

  void TakeDefault(const ConfigKey& key) {
    if (key.otherwise.apply != nullptr) key.otherwise.apply(reading_.configuration);
  }

  // D-25: Fabric's sample file and its code differ in this one, and nobody notices.
  void Unset(const ConfigKey& key) {
    if (key.name != "peer.gossip.sendBuffSize") return;
    Add(Severity::kWarning, key.name, "",
        "only 20 messages wait per connection, not the 200 of Fabric's sample file, and further ones are dropped",
        "set it to 200");
  }

  // Now that derived defaults may be in force.
  std::string DefaultOf(const ConfigKey& key) {
    TakeDefault(key);
    return FormatValue(key, reading_.configuration);
  }

  void Zero(const ConfigKey& key, const std::string& text) {
    Add(Severity::kWarning, key.name, text,
        fmt::format("zero counts as absent, as in Fabric, so the default {} is used", DefaultOf(key)),
        "set a positive value, or remove the key");
  }

  // Under Z Fabric's default is safe. Otherwise Fabric takes zero or false, which nobody who wrote a value has meant.
  void Unreadable(const ConfigKey& key, const std::string& text, const base::Error& error) {
    if (key.rule != ReadingRule::kUnlessPositive)
      return Refuse(key, text, error.message, "correct it, or remove the key");
    Add(Severity::kWarning, key.name, text,
        fmt::format("{}, so the default {} is used, as in Fabric", error.message, DefaultOf(key)), "correct it");
  }

  void Negative(const ConfigKey& key, const std::string& text) {
    Refuse(key, text, "must not be negative", "set a positive value, or remove the key");
  }

  void NegativeIsDefault(const ConfigKey& key, const std::string& text) {
    Add(Severity::kWarning, key.name, text,
        fmt::format("is negative, so the default {} is used, as in Fabric", DefaultOf(key)), "correct it");
  }

  void Refuse(const ConfigKey& key, const std::string& text, std::string rule, std::string remedy) {
    TakeDefault(key);
    Add(Severity::kError, key.name, text, std::move(rule), std::move(remedy));
  }

  void Add(Severity severity, std::string_view key, const std::string& value, std::string rule, std::string remedy) {
    reading_.findings.push_back({severity, std::string(key), value, std::move(rule), std::move(remedy)});
  }

  const ConfigValues& values_;
  std::set<std::string_view> known_;           // keys of values_ that the table has
  std::set<std::string_view> not_applicable_;  // parts of which values_ has keys
  ConfigReading reading_;
};

}  // namespace

ConfigReading ReadConfiguration(const ConfigValues& values) { return Reader(values).Run(); }

}  // namespace grapevine::node
