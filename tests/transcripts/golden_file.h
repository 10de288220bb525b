// Texts kept as files beside the tests.
#pragma once

#include <gtest/gtest.h>

#include <string>

namespace grapevine::transcripts {

// Compares `text` with tests/transcripts/`name`.txt. A failure shows the lines that differ, with some around them. With
// GRAPEVINE_UPDATE_TRANSCRIPTS=1 in the environment the file is written instead.
::testing::AssertionResult MatchesFile(const std::string& name, const std::string& text);

// Lines that only `expected` has (-), only `actual` has (+), and up to `context` lines around them. Empty if equal.
std::string Difference(const std::string& expected, const std::string& actual, std::size_t context = 3);

}  // namespace grapevine::transcripts
