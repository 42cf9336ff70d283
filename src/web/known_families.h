// The metric families this server knows: those of the targets it scrapes, and those its senders
// told it of, which Prometheus drops: at a centre the agents scrape, and dashboards ask here.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "model/metadata.h"
#include "web/call.h"

namespace tributary::web {

// A family occurs as often as somebody told of it; what targets say comes first.
std::vector<std::pair<std::string, model::Metadata>> KnownFamilies(const Context& context);

}  // namespace tributary::web
