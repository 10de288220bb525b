#include "msp/certificate_chain.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <ranges>
#include <string>
#include <utility>

#include "msp/name_constraints.h"

namespace grapevine::msp {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;

// Cross-signed authorities can have exponentially many paths; Go's library gives up at the same number.
constexpr int kMaxSignatureChecks = 100;

// Rules for one certificate, whatever its place.
Result<void> CheckCertificate(const Certificate& certificate, base::WallTime at) {
  if (!certificate.unhandled_critical_extension().empty()) {
    return Fail(ErrorCode::kInvalid, "'{}' has the unknown critical extension {}", certificate.subject_text(),
                certificate.unhandled_critical_extension());
  }
  if (at < certificate.not_before()) {
    return Fail(ErrorCode::kInvalid, "'{}' was not yet valid when the certificate below it began",
                certificate.subject_text());
  }
  if (at > certificate.not_after()) {
    return Fail(ErrorCode::kInvalid, "'{}' had expired when the certificate below it began",
                certificate.subject_text());
  }
  return {};
}

// Rules for `authority` as issuer of the last certificate of `below`.
Result<void> CheckAuthority(const Certificate& authority, const CertificateChain& below, base::WallTime at) {
  if (!authority.is_ca() || !authority.may_sign_certificates()) {
    return Fail(ErrorCode::kInvalid, "'{}' may not sign certificates: it needs the CA flag and keyCertSign",
                authority.subject_text());
  }
  if (auto good = below.back()->CheckSignatureFrom(authority); !good) return good;
  if (auto good = CheckCertificate(authority, at); !good) return good;
  if (authority.path_length() && std::cmp_greater(below.size() - 1, *authority.path_length())) {
    return Fail(ErrorCode::kInvalid, "'{}' allows {} intermediate authorities below it, not {}",
                authority.subject_text(), *authority.path_length(), below.size() - 1);
  }
  for (const CertificatePtr& certificate : below) {
    if (!authority.has_name_constraints()) break;
    if (auto good = CheckNameConstraints(certificate->x509(), authority.x509()); !good) return good;
  }
  return {};
}

// Depth-first over every issuer of every certificate.
class ChainSearch {
 public:
  ChainSearch(std::span<const CertificatePtr> roots, std::span<const CertificatePtr> intermediates, base::WallTime at)
      : roots_(roots), intermediates_(intermediates), at_(at) {}

  void Extend(const CertificateChain& chain) {
    for (const CertificatePtr& root : roots_) {
      if (auto longer = Append(chain, root)) Complete(std::move(*longer));
    }
    for (const CertificatePtr& intermediate : intermediates_) {
      if (auto longer = Append(chain, intermediate)) Extend(*longer);
    }
  }

  void Complete(CertificateChain chain) {
    for (const CertificatePtr& certificate : chain) {
      if (!certificate->allows_server_authentication()) {
        reason_ =
            fmt::format("'{}' has extended key usages, but neither serverAuth nor any", certificate->subject_text());
        return;
      }
    }
    if (std::ranges::find(chains_, chain) == chains_.end()) chains_.push_back(std::move(chain));
  }

  const std::vector<CertificateChain>& chains() const { return chains_; }
  const std::string& reason() const { return reason_; }

 private:
  std::optional<CertificateChain> Append(const CertificateChain& chain, const CertificatePtr& authority) {
    if (authority->subject() != chain.back()->issuer()) return std::nullopt;
    // Mutual cross-signatures must not go round in circles.
    const bool known = std::ranges::any_of(chain, [&](const CertificatePtr& member) {
      return member->subject() == authority->subject() && member->public_key() == authority->public_key();
    });
    if (known) return std::nullopt;
    if (++signature_checks_ > kMaxSignatureChecks) {
      reason_ = fmt::format("more than {} signatures to check", kMaxSignatureChecks);
      return std::nullopt;
    }
    if (auto good = CheckAuthority(*authority, chain, at_); !good) {
      reason_ = good.error().message;
      return std::nullopt;
    }
    CertificateChain longer = chain;
    longer.push_back(authority);
    return longer;
  }

  std::span<const CertificatePtr> roots_;
  std::span<const CertificatePtr> intermediates_;
  base::WallTime at_;
  int signature_checks_ = 0;
  std::vector<CertificateChain> chains_;
  std::string reason_ = "its issuer is not among the configured certificate authorities";
};

bool LooksLikeHostName(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty()) return false;
  bool first = true;
  for (const auto part : std::views::split(name, '.')) {
    const std::string_view label(part);
    const bool wildcard = first && label == "*";
    first = false;
    if (wildcard) continue;
    if (label.empty() || label.starts_with('-')) return false;
    const bool plain = std::ranges::all_of(
        label, [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_' || c == ':'; });
    if (!plain) return false;
  }
  return true;
}

// Certificates from before alternative names: an authority with name constraints cannot judge a host in the common
// name.
Result<void> CheckLegacyName(const CertificateChain& chain) {
  const Certificate& leaf = *chain.front();
  if (chain.size() < 2 || leaf.has_subject_alternative_name() || !LooksLikeHostName(leaf.common_name())) return {};
  for (const CertificatePtr& authority : chain | std::views::drop(1)) {
    if (authority->has_name_constraints()) {
      return Fail(ErrorCode::kInvalid,
                  "'{}' has a host name as common name and no subject alternative name, but '{}' has name constraints",
                  leaf.subject_text(), authority->subject_text());
    }
  }
  return {};
}

}  // namespace

Result<CertificateChain> FindUniqueChain(const CertificatePtr& certificate, std::span<const CertificatePtr> roots,
                                         std::span<const CertificatePtr> intermediates) {
  const base::WallTime at = certificate->not_before() + std::chrono::seconds(1);
  if (auto good = CheckCertificate(*certificate, at); !good) return std::unexpected(good.error());
  ChainSearch search(roots, intermediates, at);
  const auto is_it = [&](const CertificatePtr& root) { return root->der() == certificate->der(); };
  if (std::ranges::any_of(roots, is_it)) {
    search.Complete({certificate});
  } else {
    search.Extend({certificate});
  }
  if (search.chains().empty()) {
    return Fail(ErrorCode::kInvalid, "'{}' has no chain to a root certificate: {}", certificate->subject_text(),
                search.reason());
  }
  if (search.chains().size() > 1) {
    return Fail(ErrorCode::kInvalid, "'{}' has {} chains to root certificates; there must be exactly one",
                certificate->subject_text(), search.chains().size());
  }
  if (auto good = CheckLegacyName(search.chains().front()); !good) return std::unexpected(good.error());
  return search.chains().front();
}

}  // namespace grapevine::msp
