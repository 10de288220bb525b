#include "rpc/tls.h"

#include <openssl/pem.h>

#include <algorithm>
#include <utility>

#include "rpc/tls_native.h"

namespace grapevine::rpc {

using base::Bytes;
using base::ByteView;
using base::ErrorCode;
using base::Fail;
using base::Result;

namespace {

BioPtr OpenText(ByteView text) { return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

std::string TextOf(const BioPtr& memory) {
  char* text = nullptr;
  const auto size = BIO_get_mem_data(memory.get(), &text);
  return std::string(text, static_cast<std::size_t>(size));
}

// All certificates of a PEM text; other PEM blocks are passed over.
Result<X509StackPtr> ReadCertificates(ByteView pem) {
  ERR_clear_error();
  const BioPtr text = OpenText(pem);
  X509StackPtr certificates(sk_X509_new_null());
  while (X509* certificate = PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr)) {
    sk_X509_push(certificates.get(), certificate);
  }
  const auto error = ERR_peek_last_error();
  const bool at_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  const std::string reason = TakeOpenSslError();
  if (!at_end) return Fail(ErrorCode::kInvalid, "malformed certificate: {}", reason);
  if (sk_X509_num(certificates.get()) == 0) {
    return Fail(ErrorCode::kInvalid, "no PEM certificate found (expected '-----BEGIN CERTIFICATE-----')");
  }
  return certificates;
}

// A private key file is never asked for its pass phrase.
int NoPassPhrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*data*/) { return -1; }

}  // namespace

std::string TakeOpenSslError() {
  const auto error = ERR_peek_last_error();
  ERR_clear_error();
  if (error == 0) return "unknown error";
  const char* const reason = ERR_reason_error_string(error);
  return reason != nullptr ? std::string(reason) : "error " + std::to_string(error);
}

Bytes EncodeCertificate(X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  if (size <= 0) return {};
  Bytes bytes = Bytes::Copy({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  return bytes;
}

TlsIdentity::TlsIdentity(Bytes certificate, std::unique_ptr<const Native> native)
    : certificate_(std::move(certificate)), native_(std::move(native)) {}
TlsIdentity::~TlsIdentity() = default;

Result<std::shared_ptr<const TlsIdentity>> TlsIdentity::FromPem(ByteView certificate_chain, ByteView private_key) {
  auto chain = ReadCertificates(certificate_chain);
  if (!chain) return Wrap(chain.error(), "TLS certificate");
  auto native = std::make_unique<Native>();
  native->leaf.reset(sk_X509_shift(chain->get()));
  native->chain = std::move(*chain);

  ERR_clear_error();
  const BioPtr text = OpenText(private_key);
  native->key.reset(PEM_read_bio_PrivateKey(text.get(), nullptr, NoPassPhrase, nullptr));
  if (!native->key) {
    return Fail(ErrorCode::kInvalid, "TLS private key: not an unencrypted PEM private key: {}", TakeOpenSslError());
  }
  if (X509_check_private_key(native->leaf.get(), native->key.get()) != 1) {
    ERR_clear_error();
    return Fail(ErrorCode::kInvalid, "TLS private key does not match the certificate");
  }
  Bytes der = EncodeCertificate(native->leaf.get());
  return std::shared_ptr<const TlsIdentity>(new TlsIdentity(std::move(der), std::move(native)));
}

std::string TlsIdentity::ChainPem() const {
  const BioPtr text(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(text.get(), native_->leaf.get());
  for (int i = 0; i < sk_X509_num(native_->chain.get()); ++i) {
    PEM_write_bio_X509(text.get(), sk_X509_value(native_->chain.get(), i));
  }
  return TextOf(text);
}

std::string TlsIdentity::KeyPem() const {
  const BioPtr text(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(text.get(), native_->key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return TextOf(text);
}

TlsTrust::TlsTrust(std::unique_ptr<const Native> native) : native_(std::move(native)) {}
TlsTrust::~TlsTrust() = default;

Result<std::shared_ptr<const TlsTrust>> TlsTrust::FromPem(const std::vector<std::string>& certificates) {
  auto native = std::make_unique<Native>();
  native->store.reset(X509_STORE_new());
  native->certificates.reset(sk_X509_new_null());
  std::vector<Bytes> seen;
  for (std::size_t i = 0; i < certificates.size(); ++i) {
    auto read = ReadCertificates(certificates[i]);
    if (!read) return Wrap(read.error(), "trusted TLS certificate {} of {}", i + 1, certificates.size());
    while (X509* next = sk_X509_shift(read->get())) {
      X509Ptr certificate(next);
      Bytes der = EncodeCertificate(next);
      if (std::ranges::find(seen, der) != seen.end()) continue;
      seen.push_back(std::move(der));
      X509_STORE_add_cert(native->store.get(), next);
      sk_X509_push(native->certificates.get(), certificate.release());
    }
  }
  // Intermediates count as trusted in Fabric's pool.
  X509_STORE_set_flags(native->store.get(), X509_V_FLAG_PARTIAL_CHAIN);
  ERR_clear_error();
  return std::shared_ptr<const TlsTrust>(new TlsTrust(std::move(native)));
}

}  // namespace grapevine::rpc
