// The recorded Fabric network below tests/data/fabric-2.5.5 (README.fixtures.md there describes every file).
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace grapevine::testing {

// Names are relative to tests/data/fabric-2.5.5. A file that is missing or malformed throws: the test data is part of
// the repository.
std::string FixturePath(std::string_view name);
std::string ReadFixture(std::string_view name);
nlohmann::json ReadFixtureJson(std::string_view name);

// All blocks of a block file ("blocks/orderer.blockfile_000000", record format: specification 23, section 2), each as a
// serialised common.Block in the bytes that Fabric gives it.
std::vector<std::string> ReadFixtureBlocks(std::string_view name);

// Bytes of a hexadecimal string in an index.
std::string FromHexText(std::string_view hex);

}  // namespace grapevine::testing
