#include "msp/certificate_maker.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <stdexcept>

#include "crypto/der.h"

namespace grapevine::msp {
namespace {

void Require(bool good, const char* what) {
  if (!good) throw std::runtime_error(std::string("OpenSSL refused: ") + what);
}

template <typename Write>
std::string ToPem(Write write) {
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(BIO_new(BIO_s_mem()), &BIO_free_all);
  Require(write(bio.get()) == 1, "writing PEM");
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

void AddName(X509_NAME* name, const char* field, const std::string& value) {
  Require(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(value.data()),
                                     static_cast<int>(value.size()), -1, 0) == 1,
          "name entry");
}

void SetTime(ASN1_TIME* time, std::chrono::sys_seconds at) {
  Require(ASN1_TIME_set(time, at.time_since_epoch().count()) != nullptr, "time");
}

void AddExtension(X509* certificate, X509V3_CTX* context, const std::string& name, const std::string& value) {
  X509_EXTENSION* extension = X509V3_EXT_nconf(nullptr, context, name.c_str(), value.c_str());
  Require(extension != nullptr, name.c_str());
  Require(X509_add_ext(certificate, extension, -1) == 1, name.c_str());
  X509_EXTENSION_free(extension);
}

void AddExtensions(X509* certificate, X509* issuer, const CertificateSpec& spec) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509V3_set_ctx_nodb(&context);
  bool constrained = false;
  for (const auto& [name, value] : spec.extensions) {
    constrained = constrained || name == "basicConstraints";
    AddExtension(certificate, &context, name, value);
  }
  if (!constrained)
    AddExtension(certificate, &context, "basicConstraints", spec.is_ca ? "critical,CA:TRUE" : "CA:FALSE");
  if (spec.is_ca && spec.with_subject_key_identifier) {
    AddExtension(certificate, &context, "subjectKeyIdentifier", "hash");
  }
}

// ECDSA signatures are random: signs until s is on the wanted side of half the order.
void Sign(X509* certificate, EVP_PKEY* key, const CertificateSpec& spec) {
  const bool ed25519 = EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519;
  const EVP_MD* digest = ed25519 ? nullptr : EVP_get_digestbyname(spec.digest);
  for (;;) {
    Require(X509_sign(certificate, key, digest) > 0, "signing");
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC) return;
    const ASN1_BIT_STRING* bits = nullptr;
    X509_get0_signature(&bits, nullptr, certificate);
    const base::ByteView der(reinterpret_cast<const char*>(ASN1_STRING_get0_data(bits)),
                             static_cast<std::size_t>(ASN1_STRING_length(bits)));
    const auto signature = crypto::ParseEcdsaSignature(der, crypto::TrailingBytes::kRefused);
    Require(signature.has_value(), "signature");
    const auto curve =
        EVP_PKEY_get_bits(key) == 384 ? crypto::KeyAlgorithm::kEcdsaP384 : crypto::KeyAlgorithm::kEcdsaP256;
    if (crypto::IsLowS(signature->s, curve) != spec.high_s) return;
  }
}

TestIdentity Make(const TestIdentity* issuer, const CertificateSpec& spec, std::shared_ptr<EVP_PKEY> key) {
  const std::shared_ptr<X509> x509(X509_new(), &X509_free);
  X509_set_version(x509.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x509.get()), spec.serial);
  X509_NAME* subject = X509_get_subject_name(x509.get());
  for (const std::string& unit : spec.organizational_units) AddName(subject, "OU", unit);
  AddName(subject, "CN", spec.common_name);
  X509* parent = issuer == nullptr ? x509.get() : issuer->x509.get();
  X509_set_issuer_name(x509.get(), X509_get_subject_name(parent));
  SetTime(X509_getm_notBefore(x509.get()), spec.not_before);
  SetTime(X509_getm_notAfter(x509.get()), spec.not_before + spec.lifetime);
  X509_set_pubkey(x509.get(), key.get());
  AddExtensions(x509.get(), parent, spec);
  Sign(x509.get(), issuer == nullptr ? key.get() : issuer->key.get(), spec);
  return {std::move(key), x509};
}

}  // namespace

std::string TestIdentity::pem() const {
  return ToPem([&](BIO* bio) { return PEM_write_bio_X509(bio, x509.get()); });
}

std::string TestIdentity::key_pem() const {
  return ToPem(
      [&](BIO* bio) { return PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
}

CertificatePtr TestIdentity::certificate() const {
  auto parsed = Certificate::FromPem(pem());
  if (!parsed) throw std::runtime_error(parsed.error().message);
  return *parsed;
}

std::shared_ptr<EVP_PKEY> MakeKey(const std::string& type) {
  EVP_PKEY* key = nullptr;
  if (type == "ED25519") {
    key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  } else if (type == "RSA") {
    key = EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048});
  } else {
    key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", type.c_str());
  }
  Require(key != nullptr, type.c_str());
  return {key, &EVP_PKEY_free};
}

TestIdentity MakeRoot(CertificateSpec spec, std::shared_ptr<EVP_PKEY> key) {
  return Make(nullptr, spec, std::move(key));
}

TestIdentity Issue(const TestIdentity& issuer, CertificateSpec spec, std::shared_ptr<EVP_PKEY> key) {
  return Make(&issuer, spec, std::move(key));
}

CertificateSpec CaSpec(std::string common_name) {
  CertificateSpec spec;
  spec.common_name = std::move(common_name);
  spec.is_ca = true;
  spec.not_before = std::chrono::sys_days(std::chrono::year(2025) / 1 / 1);
  spec.lifetime = std::chrono::hours(24 * 3650);
  return spec;
}

std::string MakeRevocationList(const TestIdentity& authority, const TestIdentity& signer, std::vector<long> serials,
                               bool with_authority_key_identifier) {
  const std::shared_ptr<X509_CRL> crl(X509_CRL_new(), &X509_CRL_free);
  X509_CRL_set_version(crl.get(), X509_CRL_VERSION_2);
  X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(authority.x509.get()));
  const std::unique_ptr<ASN1_TIME, decltype(&ASN1_TIME_free)> time(ASN1_TIME_set(nullptr, 1767225600), &ASN1_TIME_free);
  X509_CRL_set1_lastUpdate(crl.get(), time.get());
  X509_CRL_set1_nextUpdate(crl.get(), time.get());
  for (const long serial : serials) {
    X509_REVOKED* entry = X509_REVOKED_new();
    const std::unique_ptr<ASN1_INTEGER, decltype(&ASN1_INTEGER_free)> number(ASN1_INTEGER_new(), &ASN1_INTEGER_free);
    ASN1_INTEGER_set(number.get(), serial);
    X509_REVOKED_set_serialNumber(entry, number.get());
    X509_REVOKED_set_revocationDate(entry, time.get());
    X509_CRL_add0_revoked(crl.get(), entry);
  }
  if (with_authority_key_identifier) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, authority.x509.get(), nullptr, nullptr, crl.get(), 0);
    X509V3_set_ctx_nodb(&context);
    X509_EXTENSION* extension = X509V3_EXT_nconf(nullptr, &context, "authorityKeyIdentifier", "keyid:always");
    Require(extension != nullptr, "authority key identifier");
    X509_CRL_add_ext(crl.get(), extension, -1);
    X509_EXTENSION_free(extension);
  }
  Require(X509_CRL_sign(crl.get(), signer.key.get(), EVP_sha256()) > 0, "signing a revocation list");
  return ToPem([&](BIO* bio) { return PEM_write_bio_X509_CRL(bio, crl.get()); });
}

::msp::FabricMSPConfig MakeMspConfig(const std::vector<TestIdentity>& roots,
                                     const std::vector<TestIdentity>& intermediates, bool node_ous) {
  ::msp::FabricMSPConfig config;
  config.set_name("TestMSP");
  for (const TestIdentity& root : roots) config.add_root_certs(root.pem());
  for (const TestIdentity& intermediate : intermediates) config.add_intermediate_certs(intermediate.pem());
  if (node_ous) {
    ::msp::FabricNodeOUs& target = *config.mutable_fabric_node_ous();
    target.set_enable(true);
    target.mutable_client_ou_identifier()->set_organizational_unit_identifier("client");
    target.mutable_peer_ou_identifier()->set_organizational_unit_identifier("peer");
    target.mutable_admin_ou_identifier()->set_organizational_unit_identifier("admin");
    target.mutable_orderer_ou_identifier()->set_organizational_unit_identifier("orderer");
  }
  return config;
}

std::string Refusal(const MspPtr& msp, const TestIdentity& identity) {
  const auto parsed = msp->Deserialize(identity.pem());
  if (!parsed) return parsed.error().message;
  return (*parsed)->validation() ? "" : (*parsed)->validation().error().message;
}

}  // namespace grapevine::msp
