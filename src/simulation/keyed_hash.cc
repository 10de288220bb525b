#include "simulation/keyed_hash.h"

#include <bit>

namespace grapevine::simulation {

namespace {
struct State {
  std::uint64_t v0, v1, v2, v3;

  void Round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void Absorb(std::uint64_t word) {
    v3 ^= word;
    Round();
    Round();
    v0 ^= word;
  }
};

std::uint64_t LittleEndian(base::ByteView bytes) {
  std::uint64_t word = 0;
  for (std::size_t i = bytes.size(); i > 0; --i) word = word << 8 | static_cast<unsigned char>(bytes[i - 1]);
  return word;
}
}  // namespace

std::uint64_t KeyedHash(const HashKey& key, base::ByteView message) {
  State state{key.low ^ 0x736f6d6570736575ULL, key.high ^ 0x646f72616e646f6dULL, key.low ^ 0x6c7967656e657261ULL,
              key.high ^ 0x7465646279746573ULL};
  std::size_t offset = 0;
  for (; offset + 8 <= message.size(); offset += 8) state.Absorb(LittleEndian(message.substr(offset, 8)));
  state.Absorb(static_cast<std::uint64_t>(message.size()) << 56 | LittleEndian(message.substr(offset)));
  state.v2 ^= 0xff;
  for (int i = 0; i < 4; ++i) state.Round();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

}  // namespace grapevine::simulation
