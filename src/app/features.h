// --enable-feature: names and what they switch on. A name that is not known, or not served yet, is
// never fatal.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "app/options.h"
#include "config/config.h"
#include "promql/engine.h"

namespace tributary::app {

struct Features {
  bool agent = false;  // the old way to ask for agent mode
  bool auto_reload = false;
  bool exemplar_storage = false;
  bool extra_scrape_metrics = false;
  bool per_step_stats = false;
  bool proto_first = false;
  bool search_api = false;
  bool keep_starts = false;  // start timestamps stay with the samples
  bool start_zeros = false;  // a zero sample where a counter started
  // Stores make something of start timestamps; only an agent's keeps them.
  bool HandsStartsOver(bool to_agent) const { return start_zeros || (keep_starts && to_agent); }
  bool xor2 = false;
  promql::Features promql;
  std::vector<std::string> warnings;  // one sentence each, naming the feature
};

// Each element of `lists` holds names separated by commas.
Features ParseFeatures(const std::vector<std::string>& lists);

// What /api/v1/features says of everything but the API and PromQL, which the web knows itself.
std::map<std::string, std::map<std::string, bool>> FeatureList(const Features& features,
                                                               const Options& options);

}  // namespace tributary::app
