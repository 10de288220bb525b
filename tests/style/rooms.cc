// The table "Rooms" of the architecture: which folder of src may know which others.
#include <algorithm>
#include <map>

#include "style/rules.h"

namespace grapevine::style {
namespace {

// What each room may know directly; knowing is transitive.
const std::map<std::string_view, std::vector<std::string_view>> kRooms = {
    {"base", {}},
    {"wire", {"base"}},
    {"crypto", {"base"}},
    {"msp", {"wire", "crypto"}},
    {"comm", {"wire", "msp"}},
    {"gossip", {"comm"}},
    {"membership", {"gossip"}},
    {"channel", {"membership"}},
    {"ledger", {"msp"}},
    {"statetransfer", {"channel", "ledger"}},
    {"election", {"channel"}},
    {"delivery", {"ledger"}},
    {"privatedata", {"statetransfer"}},
    {"node", {"privatedata", "election", "delivery"}},
    {"rpc", {"base"}},
    {"runtime", {"node", "rpc"}},
    {"simulation", {"node"}},
    {"testnet", {"wire", "crypto"}},
    {"app", {"runtime", "simulation", "testnet"}},
};

}  // namespace

std::string_view RoomOf(std::string_view path) {
  if (!path.starts_with("src/")) return {};
  path.remove_prefix(4);
  const std::size_t slash = path.find('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

bool IsRoom(std::string_view room) { return kRooms.contains(room); }

bool MayKnow(std::string_view room, std::string_view other) {
  if (room == other) return true;
  const auto found = kRooms.find(room);
  return found != kRooms.end() &&
         std::ranges::any_of(found->second, [&](std::string_view known) { return MayKnow(known, other); });
}

}  // namespace grapevine::style
