#include "msp/name_constraints.h"

#include <openssl/x509v3.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <string>
#include <vector>

namespace grapevine::msp {
namespace {

using base::ByteView;

using Names = std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)>;
using Constraints = std::unique_ptr<NAME_CONSTRAINTS, decltype(&NAME_CONSTRAINTS_free)>;

Names AlternativeNames(X509* certificate) {
  return {static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
          &GENERAL_NAMES_free};
}

Constraints NameConstraints(X509* authority) {
  return {static_cast<NAME_CONSTRAINTS*>(X509_get_ext_d2i(authority, NID_name_constraints, nullptr, nullptr)),
          &NAME_CONSTRAINTS_free};
}

bool IsChecked(int kind) { return kind == GEN_DNS || kind == GEN_EMAIL || kind == GEN_URI || kind == GEN_IPADD; }

ByteView Value(const GENERAL_NAME& name) {
  int kind = 0;
  const auto* value = static_cast<const ASN1_STRING*>(GENERAL_NAME_get0_value(&name, &kind));
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
          static_cast<std::size_t>(ASN1_STRING_length(value))};
}

std::string Lower(ByteView text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

// `constraint` "" allows all, "a.b" a.b and what is below it, ".a.b" only what is below.
bool DomainMatches(ByteView domain, ByteView constraint) {
  if (constraint.empty()) return true;
  const std::string name = Lower(domain);
  const std::string limit = Lower(constraint);
  if (limit.starts_with('.')) return name.size() > limit.size() && name.ends_with(limit);
  return name == limit || name.ends_with("." + limit);
}

bool EmailMatches(ByteView address, ByteView constraint) {
  const std::size_t at = address.rfind('@');
  if (at == ByteView::npos) return false;
  const std::size_t constraint_at = constraint.rfind('@');
  if (constraint_at == ByteView::npos) return DomainMatches(address.substr(at + 1), constraint);
  return address.substr(0, at) == constraint.substr(0, constraint_at) &&
         Lower(address.substr(at + 1)) == Lower(constraint.substr(constraint_at + 1));
}

// The host of scheme://[user@]host[:port][/...]; empty if there is none.
ByteView HostOf(ByteView uri) {
  const std::size_t scheme = uri.find("://");
  if (scheme == ByteView::npos) return {};
  uri.remove_prefix(scheme + 3);
  uri = uri.substr(0, uri.find_first_of("/?#"));
  if (const std::size_t at = uri.rfind('@'); at != ByteView::npos) uri.remove_prefix(at + 1);
  if (uri.starts_with('[')) return {};  // an IPv6 address
  return uri.substr(0, uri.find(':'));
}

bool IsIpv4(ByteView host) { return !host.empty() && host.find_first_not_of("0123456789.") == ByteView::npos; }

// `constraint` is an address and a mask of equal length.
bool AddressMatches(ByteView address, ByteView constraint) {
  if (constraint.size() != 2 * address.size()) return false;
  for (std::size_t i = 0; i < address.size(); ++i) {
    if (((address[i] ^ constraint[i]) & constraint[address.size() + i]) != 0) return false;
  }
  return true;
}

bool Matches(int kind, ByteView name, ByteView constraint) {
  switch (kind) {
    case GEN_DNS:
      return DomainMatches(name, constraint);
    case GEN_EMAIL:
      return EmailMatches(name, constraint);
    case GEN_URI:
      return DomainMatches(HostOf(name), constraint);
    default:
      return AddressMatches(name, constraint);
  }
}

std::vector<ByteView> OfKind(const STACK_OF(GENERAL_SUBTREE) * subtrees, int kind) {
  std::vector<ByteView> values;
  for (int i = 0; i < sk_GENERAL_SUBTREE_num(subtrees); ++i) {
    const GENERAL_NAME& base = *sk_GENERAL_SUBTREE_value(subtrees, i)->base;
    if (base.type == kind) values.push_back(Value(base));
  }
  return values;
}

bool IsCheckable(const GENERAL_NAME& base) {
  if (!IsChecked(base.type)) return false;
  const std::size_t size = Value(base).size();
  return base.type != GEN_IPADD || size == 8 || size == 32;
}

}  // namespace

bool HasCheckableNames(X509* certificate) {
  const Names names = AlternativeNames(certificate);
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    if (IsChecked(sk_GENERAL_NAME_value(names.get(), i)->type)) return true;
  }
  return false;
}

bool HasOnlyCheckableConstraints(X509* authority) {
  const Constraints constraints = NameConstraints(authority);
  if (constraints == nullptr) return false;
  for (const auto* subtrees : {constraints->permittedSubtrees, constraints->excludedSubtrees}) {
    for (int i = 0; i < sk_GENERAL_SUBTREE_num(subtrees); ++i) {
      if (!IsCheckable(*sk_GENERAL_SUBTREE_value(subtrees, i)->base)) return false;
    }
  }
  return true;
}

base::Result<void> CheckNameConstraints(X509* certificate, X509* authority) {
  const Constraints constraints = NameConstraints(authority);
  const Names names = AlternativeNames(certificate);
  if (constraints == nullptr || names == nullptr) return {};
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME& name = *sk_GENERAL_NAME_value(names.get(), i);
    if (!IsChecked(name.type)) continue;
    const ByteView value = Value(name);
    const std::string shown = name.type == GEN_IPADD ? base::ToHex(value) : std::string(value);
    const auto excluded = OfKind(constraints->excludedSubtrees, name.type);
    const auto permitted = OfKind(constraints->permittedSubtrees, name.type);
    if (excluded.empty() && permitted.empty()) continue;
    if (name.type == GEN_URI && (HostOf(value).empty() || IsIpv4(HostOf(value)))) {
      return base::Fail(base::ErrorCode::kDenied, "URI '{}' has no host name to check against name constraints", shown);
    }
    const auto matches = [&](ByteView constraint) { return Matches(name.type, value, constraint); };
    if (std::ranges::any_of(excluded, matches)) {
      return base::Fail(base::ErrorCode::kDenied, "name '{}' is excluded by the name constraints above it", shown);
    }
    if (!permitted.empty() && std::ranges::none_of(permitted, matches)) {
      return base::Fail(base::ErrorCode::kDenied, "name '{}' is not permitted by the name constraints above it", shown);
    }
  }
  return {};
}

}  // namespace grapevine::msp
