#include "channel/fabric_metrics.h"

#include <utility>

namespace grapevine::channel {

void RegisterPrivateDataMetrics(base::Metrics& metrics, const std::string& channel) {
  static constexpr std::pair<const char*, const char*> kDurations[] = {
      {"gossip_privdata_validation_duration", "Seconds to validate a block"},
      {"gossip_privdata_list_missing_duration", "Seconds to list the missing private data of a block"},
      {"gossip_privdata_fetch_duration", "Seconds to fetch the missing private data of a block from peers"},
      {"gossip_privdata_commit_block_duration", "Seconds to commit a block and its private data"},
      {"gossip_privdata_purge_duration", "Seconds to purge the transient store after a commit"},
      {"gossip_privdata_send_duration", "Seconds to disseminate private data at endorsement"},
      {"gossip_privdata_reconciliation_duration", "Seconds of one reconciliation"},
      {"gossip_privdata_pull_duration", "Seconds to pull one element from a peer"},
      {"gossip_privdata_retrieve_duration", "Seconds to read what a remote peer asks for from the ledger"}};
  for (const auto& [name, help] : kDurations) {
    metrics.GetTimeHistogram(name, help, {{"channel", channel}});
  }
}

}  // namespace grapevine::channel
