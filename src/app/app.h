// app: builds the parts, wires them, runs them; the only place that names concrete types of all
// floors.
//   flags.h    the command line, kingpin's way, from one table
//   process.h  the life of a server or an agent
//   role.h     what makes a process the one or the other
//   tool.h     checks that need no server
// Knows everything below it; nothing knows app.
#pragma once

namespace tributary::app {

// The whole program: `tributary [server] …`, `tributary agent …`, `tributary tool …`, or a tool
// when called `promtool`. Returns the exit code.
int RunMain(int argc, char** argv);

}  // namespace tributary::app
