// A remote write 2.0 request as text, for those who look for what a receiver does not like.
#pragma once

#include <string>

#include "remote/send/shipment.h"

namespace tributary::remote {

// "{a="b", …} 1.5@1700000000000" for each series, histograms and exemplars as their number; as much
// as fits into `max_bytes`, and how many series are left out. REQUIRES: the body is encoded as 2.0.
std::string TextOfRequest(const Shipment& shipment, size_t max_bytes);

}  // namespace tributary::remote
