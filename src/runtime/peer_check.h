// Everything about a peer's configuration that can be known without starting it.
#pragma once

#include "base/executor.h"
#include "node/config_finding.h"
#include "node/configuration.h"

namespace grapevine::runtime {

// Certificates that expire sooner are warned about.
inline constexpr base::Duration kCertificateNotice = std::chrono::days(30);

// What node::Check says and what ReadPeerFiles says; further: the own identity is a valid one of the MSP; certificates
// have not expired at `now` and do not soon; private keys are not readable by everybody; addresses can be listened on;
// the data folder can be written. Errors first, then warnings, then notes. Blocks on the disk; changes nothing.
node::ConfigFindings CheckPeer(const node::Configuration& configuration, base::WallTime now);

// Puts errors first, then warnings, then notes; otherwise the order stays.
void SortBySeverity(node::ConfigFindings& findings);

}  // namespace grapevine::runtime
