#include "app/store_options.h"

#include <algorithm>

namespace tributary::app {

tsdb::WalCompression WalCompressionOf(bool compress, std::string_view type) {
  if (!compress) return tsdb::WalCompression::kNone;
  return type == "zstd" ? tsdb::WalCompression::kZstd : tsdb::WalCompression::kSnappy;
}

remote::WriteHandlerOptions ReceiverOptions(const Options& options, const Features& features) {
  const auto accepts = [&](std::string_view message) {
    return std::ranges::find(options.write_receiver_messages, message) !=
           options.write_receiver_messages.end();
  };
  remote::WriteHandlerOptions receiver;
  receiver.accept_v1 = accepts("prometheus.WriteRequest");
  receiver.accept_v2 = accepts("io.prometheus.write.v2.Request");
  receiver.keep_starts = features.HandsStartsOver(options.agent);
  return receiver;
}

}  // namespace tributary::app
