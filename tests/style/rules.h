// The house rules that a program can check. Each function returns findings, one line of text each, empty if all is
// well.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace grapevine::style {

using Findings = std::vector<std::string>;

inline constexpr int kMaxFunctionLines = 70;
inline constexpr int kMaxFileLines = 800;

// `path` is relative to the source folder, as "src/comm/handshake.cc"; `source` is the file's text.

// Nothing sleeps, tests neither: C++, Go and shell.
Findings CheckSleeping(std::string_view path, std::string_view source);
// Rooms that reach the outside through base's interfaces only: no threads, locks, clocks, sockets, files, randomness.
Findings CheckOutside(std::string_view path, std::string_view source);
// A room includes only what the table "Rooms" lets it know.
Findings CheckIncludes(std::string_view path, std::string_view source);
// Functions and files that fit into a head.
Findings CheckLengths(std::string_view path, std::string_view source);

// The room of a path ("comm" of src/comm/handshake.cc), empty outside of src.
std::string_view RoomOf(std::string_view path);
// Whether the table "Rooms" has it.
bool IsRoom(std::string_view room);
// Whether code in `room` may include headers of `other`.
bool MayKnow(std::string_view room, std::string_view other);

}  // namespace grapevine::style
