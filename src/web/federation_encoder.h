// FederationEncoder: writes what /federate answers, as text 0.0.4 or as delimited protobuf messages
// (io.prometheus.client.MetricFamily). Source: Prometheus web/federate.go, prometheus/common
// expfmt.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http_server.h"
#include "web/label_escaping.h"
#include "web/newest_sample.h"

namespace tributary::web {

struct FederationFormat {
  bool protobuf = false;
  NameScheme scheme = NameScheme::kUnderscores;
};

// The best that an Accept header asks for and that is served: text unless protobuf is wanted more.
// OpenMetrics is never negotiated, as in Prometheus.
FederationFormat NegotiateFederation(std::string_view accept);
std::string ContentTypeOf(const FederationFormat& format);

using FederationLabels = std::vector<std::pair<std::string, std::string>>;

// Samples come sorted by name; a family ends where the name or the kind of sample changes.
class FederationEncoder {
 public:
  static std::unique_ptr<FederationEncoder> Create(const FederationFormat& format,
                                                   net::ResponseWriter& response);
  virtual ~FederationEncoder() = default;
  // False: the client is gone.
  virtual bool Add(std::string_view name, const FederationLabels& labels,
                   const NewestSample& sample) = 0;
  virtual bool Finish() = 0;
};

}  // namespace tributary::web
