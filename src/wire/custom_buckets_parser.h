// Wraps a parser of a text format so that the series of each classic histogram come as one native
// histogram with custom buckets (convert_classic_histograms_to_nhcb).
// Rules: prometheus model/textparse/nhcbparse.go.
#pragma once

#include <memory>

#include "wire/text_parser.h"

namespace tributary::wire {

// With `keep_classic` the series come as well, ahead of the histogram. Classic histograms that
// cannot be converted (counts that do not add up) are dropped, their series too.
std::unique_ptr<ExpositionParser> NewCustomBucketsParser(std::unique_ptr<ExpositionParser> inner,
                                                         bool keep_classic);

}  // namespace tributary::wire
