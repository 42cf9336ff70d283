// The process's malloc, set for servers that live long.
#pragma once

namespace tributary::base {

// Keeps memory that was freed from staying with the process: glibc by default has eight arenas a
// core, and after the first large block it frees puts all up to 32 MB among the small ones, where
// they leave holes. A store took a third more without this after series had come and gone for two
// hours. Call before the first thread. Does nothing without glibc.
void TuneAllocator();

}  // namespace tributary::base
