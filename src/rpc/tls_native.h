// OpenSSL's side of tls.h; for the files of this room that talk to OpenSSL.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

#include "rpc/tls.h"

namespace grapevine::rpc {

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
inline void FreeCertificates(STACK_OF(X509) * certificates) { sk_X509_pop_free(certificates, X509_free); }

using X509Ptr = std::unique_ptr<X509, Freer<X509_free>>;
using X509StackPtr = std::unique_ptr<STACK_OF(X509), Freer<FreeCertificates>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using StorePtr = std::unique_ptr<X509_STORE, Freer<X509_STORE_free>>;
using BioPtr = std::unique_ptr<BIO, Freer<BIO_free>>;
using ContextPtr = std::unique_ptr<SSL_CTX, Freer<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, Freer<SSL_free>>;

struct TlsIdentity::Native {
  X509Ptr leaf;
  X509StackPtr chain;  // what follows the leaf
  KeyPtr key;
};

struct TlsTrust::Native {
  StorePtr store;
  X509StackPtr certificates;
};

// Takes the reason out of the error queue of this thread; "unknown error" when there is none.
std::string TakeOpenSslError();
// DER of a certificate.
base::Bytes EncodeCertificate(X509* certificate);

}  // namespace grapevine::rpc
