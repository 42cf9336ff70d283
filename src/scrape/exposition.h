// Negotiating the exposition format: what we ask for, and who parses what came.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "wire/text_parser.h"

namespace tributary::scrape {

// The Accept header for these protocols, most wanted first.
std::string AcceptHeader(const std::vector<config::ScrapeProtocol>& protocols,
                         config::NameEscaping escaping);

// How a target's pages are read.
struct PageOptions {
  std::optional<config::ScrapeProtocol> fallback;
  bool native_histograms = false;   // else native parts are passed over
  bool classic_histograms = false;  // also where a native form of the same histogram is kept
  bool custom_buckets = false;      // classic histograms become native ones with custom buckets
  bool keep_starts = false;         // as ManagerOptions
};

// The parser for a body of this Content-Type. Strict as Prometheus 3: a missing or unknown type is
// an error unless a fallback is configured. The body is borrowed.
base::Result<std::unique_ptr<wire::ExpositionParser>> ParserFor(std::string_view content_type,
                                                                const PageOptions& options,
                                                                std::string_view body);

}  // namespace tributary::scrape
