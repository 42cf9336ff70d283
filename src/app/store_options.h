// Flags that server and agent turn into the same values.
#pragma once

#include <string_view>

#include "app/features.h"
#include "app/options.h"
#include "remote/receive/write_handler.h"
#include "tsdb/tsdb.h"

namespace tributary::app {

tsdb::WalCompression WalCompressionOf(bool compress, std::string_view type);

// Which messages the write receiver accepts.
remote::WriteHandlerOptions ReceiverOptions(const Options& options, const Features& features);

}  // namespace tributary::app
