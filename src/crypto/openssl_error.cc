#include "crypto/openssl_error.h"

#include <openssl/err.h>

namespace grapevine::crypto {

std::string TakeOpenSslError() {
  const unsigned long code = ERR_peek_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  std::string text = reason == nullptr ? "unknown reason" : reason;
  ERR_clear_error();
  return text;
}

}  // namespace grapevine::crypto
