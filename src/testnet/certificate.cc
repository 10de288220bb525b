#include "testnet/certificate.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <string_view>

#include "crypto/der.h"
#include "testnet/der.h"

namespace grapevine::testnet {
namespace {

using namespace std::string_view_literals;  // NOLINT: contents with zero bytes

std::string EcdsaWithSha256() { return DerSequenceOf({DerObjectIdentifier("\x2a\x86\x48\xce\x3d\x04\x03\x02")}); }

// PrintableString where its alphabet allows, else UTF8String ("Admin@org1.example.com").
std::string Text(std::string_view text) {
  const bool printable = std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || " '()+,-./:=?"sv.contains(c);
  });
  return Der(printable ? 0x13 : 0x0c, text);
}

// Attribute types 2.5.4.n.
std::string Attribute(char type, std::string_view text) {
  if (text.empty()) return {};
  return Der(0x31, DerSequenceOf({DerObjectIdentifier(std::string("\x55\x04") + type), Text(text)}));
}

std::string Name(const DistinguishedName& name) {
  return DerSequenceOf({Attribute(6, "US"), Attribute(8, "California"), Attribute(7, "San Francisco"),
                        Attribute(10, name.organization), Attribute(11, name.unit), Attribute(3, name.common_name)});
}

// UTCTime until 2049, GeneralizedTime after (RFC 5280, 4.1.2.5).
std::string Time(base::WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
  const int year = static_cast<int>(date.year());
  const std::string rest =
      fmt::format("{:02}{:02}{:02}{:02}{:02}Z", static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  return year < 2050 ? Der(0x17, fmt::format("{:02}{}", year % 100, rest))
                     : Der(0x18, fmt::format("{:04}{}", year, rest));
}

// Extension 2.5.29.n.
std::string Extension(char id, bool critical, base::ByteView value) {
  return DerSequenceOf({DerObjectIdentifier(std::string("\x55\x1d") + id), critical ? Der(0x01, "\xff") : std::string(),
                        crypto::DerOctetString(value)});
}

std::string KeyUsage(CertificateKind kind) {
  switch (kind) {
    case CertificateKind::kAuthority:  // digitalSignature, keyEncipherment, keyCertSign, cRLSign
      return Extension(15, true, DerBitString("\xa6", 1));
    case CertificateKind::kIdentity:  // digitalSignature
      return Extension(15, true, DerBitString("\x80", 7));
    case CertificateKind::kTls:  // digitalSignature, keyEncipherment
      return Extension(15, true, DerBitString("\xa0", 5));
  }
  return {};
}

std::string ServerAndClientAuthentication() {
  return Extension(37, false,
                   DerSequenceOf({DerObjectIdentifier("\x2b\x06\x01\x05\x05\x07\x03\x01"),
                                  DerObjectIdentifier("\x2b\x06\x01\x05\x05\x07\x03\x02")}));
}

std::string AuthorityKeyIdentifier(const EcKey& issuer) {
  return Extension(35, false, DerSequenceOf({Der(0x80, issuer.Ski())}));
}

std::string AlternativeNames(const CertificateRequest& request) {
  std::string names;
  for (const std::string& name : request.dns_names) names += Der(0x82, name);
  for (const std::string& address : request.ip_addresses) names += Der(0x87, address);
  return names.empty() ? std::string() : Extension(17, false, Der(0x30, names));
}

std::string Extensions(const CertificateRequest& request, const EcKey& subject_key, const Issuer& issuer) {
  const bool authority = request.kind == CertificateKind::kAuthority;
  std::string extensions = KeyUsage(request.kind);
  if (request.kind != CertificateKind::kIdentity) extensions += ServerAndClientAuthentication();
  extensions += Extension(19, true, authority ? DerSequenceOf({Der(0x01, "\xff")}) : DerSequenceOf({}));
  extensions +=
      authority ? Extension(14, false, crypto::DerOctetString(subject_key.Ski())) : AuthorityKeyIdentifier(issuer.key);
  extensions += AlternativeNames(request);
  return Der(0xa3, Der(0x30, extensions));
}

// SEQUENCE { what is signed, algorithm, signature }: certificates and revocation lists alike.
std::string Signed(const std::string& content, const EcKey& key) {
  return DerSequenceOf({content, EcdsaWithSha256(), DerBitString(key.Sign(content))});
}

}  // namespace

std::string IssueCertificate(const CertificateRequest& request, const EcKey& subject_key, const Issuer& issuer) {
  const std::string content =
      DerSequenceOf({Der(0xa0, crypto::DerInteger(2)),  // version 3
                     crypto::DerInteger(base::ByteView(request.serial)), EcdsaWithSha256(), Name(issuer.name),
                     DerSequenceOf({Time(request.not_before), Time(request.not_after)}), Name(request.subject),
                     subject_key.SpkiDer(), Extensions(request, subject_key, issuer)});
  return Pem("CERTIFICATE", Signed(content, issuer.key));
}

std::string IssueRevocationList(const Issuer& issuer, const std::vector<std::string>& serials, base::WallTime time) {
  std::string revoked;
  for (const std::string& serial : serials) {
    revoked += DerSequenceOf({crypto::DerInteger(base::ByteView(serial)), Time(time)});
  }
  const std::string content = DerSequenceOf(
      {crypto::DerInteger(1),  // version 2
       EcdsaWithSha256(), Name(issuer.name), Time(time), Time(time + std::chrono::hours(24 * 365)),
       revoked.empty() ? std::string() : Der(0x30, revoked), Der(0xa0, Der(0x30, AuthorityKeyIdentifier(issuer.key)))});
  return Pem("X509 CRL", Signed(content, issuer.key));
}

}  // namespace grapevine::testnet
