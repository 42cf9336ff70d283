// LetOthersIn: for one who walks over something large and holds a lock for a piece at a time. A
// mutex is not fair: without a pause its next Lock() comes before anyone who waits wakes up.
#pragma once

#include <chrono>
#include <thread>

namespace tributary::tsdb {

inline void LetOthersIn() { std::this_thread::sleep_for(std::chrono::microseconds(20)); }

}  // namespace tributary::tsdb
