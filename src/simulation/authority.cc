#include "simulation/authority.h"

#include <utility>

#include "base/random.h"
#include "msp/serialized_identity.h"

namespace grapevine::simulation {

using base::ErrorCode;

namespace {
constexpr std::size_t kSignatureBytes = 8;

std::string BigEndian(std::uint64_t value) {
  std::string bytes(kSignatureBytes, '\0');
  for (std::size_t i = 0; i < kSignatureBytes; ++i) bytes[kSignatureBytes - 1 - i] = static_cast<char>(value >> 8 * i);
  return bytes;
}
}  // namespace

Authority::Authority(std::uint64_t seed) {
  base::Random random(seed);
  root_.low = random.Next();
  root_.high = random.Next();
}

base::Bytes Authority::Issue(const std::string& msp_id, const std::string& name, base::WallTime not_after) {
  return Register(msp_id, name, msp_id, not_after);
}

base::Bytes Authority::IssueByUnknownCa(const std::string& msp_id, const std::string& name) {
  return Register(msp_id, name, "", base::WallTime::max());
}

base::Bytes Authority::Register(const std::string& msp_id, const std::string& name, const std::string& ca,
                                base::WallTime not_after) {
  const auto expires = std::chrono::duration_cast<std::chrono::seconds>(not_after.time_since_epoch()).count();
  std::string bytes = msp::SerializeIdentity(
      msp_id, fmt::format("name={} ca={} expires={}", name, ca.empty() ? "unknown" : ca, expires));
  Record& record = identities_[bytes];
  record.organization = ca;
  record.not_after = not_after;
  record.secret = {KeyedHash(root_, bytes + "/low"), KeyedHash(root_, bytes + "/high")};
  return base::Bytes(std::move(bytes));
}

const Authority::Record* Authority::Find(base::ByteView identity) const {
  const auto found = identities_.find(identity);
  return found == identities_.end() ? nullptr : &found->second;
}

void Authority::Revoke(base::ByteView identity) {
  const auto found = identities_.find(identity);
  if (found != identities_.end()) found->second.revoked = true;
}

void Authority::SetReaders(const std::string& channel, std::set<std::string> organizations) {
  readers_[channel] = std::move(organizations);
}

base::Result<wire::PkiId> Authority::PkiIdOf(base::ByteView identity) { return msp::ComputePkiId(identity); }

base::Result<const Authority::Record*> Authority::FindValid(base::ByteView identity) const {
  const Record* record = Find(identity);
  if (record == nullptr) {
    if (const auto id = PkiIdOf(identity); !id) return std::unexpected(id.error());
    return base::Fail(ErrorCode::kDenied, "the identity was not issued by any authority");
  }
  if (record->organization.empty()) return base::Fail(ErrorCode::kDenied, "the identity comes from an unknown CA");
  if (record->revoked) return base::Fail(ErrorCode::kDenied, "the identity has been revoked");
  return record;
}

base::Result<msp::IdentityInfo> Authority::Validate(base::ByteView identity) const {
  const auto record = FindValid(identity);
  if (!record) return std::unexpected(record.error());
  return msp::IdentityInfo{(*record)->organization, (*record)->not_after};
}

std::string Authority::OrganizationOf(base::ByteView identity) const {
  const Record* record = Find(identity);
  return record == nullptr ? std::string() : record->organization;
}

base::Bytes Authority::Sign(base::ByteView identity, base::ByteView message) const {
  const Record* record = Find(identity);
  return record == nullptr ? base::Bytes() : base::Bytes(BigEndian(KeyedHash(record->secret, message)));
}

base::Result<void> Authority::CheckSignatureOf(const Record& signer, base::ByteView signature, base::ByteView message) {
  if (signature == BigEndian(KeyedHash(signer.secret, message))) return {};
  return base::Fail(ErrorCode::kDenied, "the signature is not valid for this identity and message");
}

base::Result<void> Authority::CheckSignature(base::ByteView identity, base::ByteView signature,
                                             base::ByteView message) const {
  const Record* signer = Find(identity);
  if (signer == nullptr) return base::Fail(ErrorCode::kDenied, "the identity was not issued by any authority");
  return CheckSignatureOf(*signer, signature, message);
}

base::Result<void> Authority::CheckReaders(const std::string& channel, base::ByteView identity,
                                           base::ByteView signature, base::ByteView message) const {
  const auto signer = FindValid(identity);
  if (!signer) return std::unexpected(signer.error());
  const std::string& organization = (*signer)->organization;
  const auto readers = readers_.find(channel);
  if (readers == readers_.end()) return base::Fail(ErrorCode::kNotFound, "channel {} does not exist", channel);
  if (!readers->second.contains(organization)) {
    return base::Fail(ErrorCode::kDenied, "{} is not among the readers of channel {}", organization, channel);
  }
  return CheckSignatureOf(**signer, signature, message);
}

base::Result<void> Authority::CheckMember(const std::string& own_organization, base::ByteView identity,
                                          base::ByteView signature, base::ByteView message) const {
  const auto signer = FindValid(identity);
  if (!signer) return std::unexpected(signer.error());
  const std::string& organization = (*signer)->organization;
  bool known = readers_.empty() || organization == own_organization;
  for (const auto& [channel, organizations] : readers_) known = known || organizations.contains(organization);
  if (!known) return base::Fail(ErrorCode::kDenied, "no channel has {} among its readers", organization);
  return CheckSignatureOf(**signer, signature, message);
}

}  // namespace grapevine::simulation
