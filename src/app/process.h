// Process: one life of a server or an agent, from a checked command line to the exit code.
//
//   configuration checked -> store opened, addresses bound, web up -> WAL replayed ->
//   configuration applied -> ready -> … -> stopping: collecting ends, what waits is sent, requests
//   in flight end, the store closes
//
// SIGHUP and /-/reload load the configuration again; SIGTERM, SIGINT and /-/quit end the life.
#pragma once

#include "app/flags.h"

namespace tributary::app {

// Returns the exit code. Must be called before the process has other threads.
int RunProcess(const FlagOutcome& flags);

}  // namespace tributary::app
