#include "msp/identity.h"

namespace grapevine::msp {

base::Result<void> Identity::Verify(base::ByteView message, base::ByteView signature) const {
  return certificate_->public_key().Verify(signature, message, hash_, crypto::TrailingBytes::kTolerated);
}

}  // namespace grapevine::msp
