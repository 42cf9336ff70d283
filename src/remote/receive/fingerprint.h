// The fingerprint of bytes that a sender chose: 128 bits, keyed with a secret of this process, so
// that nobody can aim at a collision. Not stable from one process to the next.
#pragma once

#include <string_view>

#include "base/hash.h"

namespace tributary::remote {

// XXH3 with a secret made once; base::HashTo128 with a seed makes one anew for every long input,
// which costs a fifth of the hash at the 450 bytes of a usual label set.
base::Hash128 Fingerprint(std::string_view bytes);

}  // namespace tributary::remote
