// What we say we are, on /version and /api/v1/status/buildinfo.
#pragma once

#include "wire/json_writer.h"

namespace tributary::web {

void WriteBuildInfo(wire::JsonWriter& json);

}  // namespace tributary::web
