// Signals as events of one waiting thread. Make one Signals before any other thread starts: it
// blocks SIGHUP, SIGINT and SIGTERM for the whole process and ignores SIGPIPE.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/result.h"

namespace tributary::app {

class Signals {
 public:
  enum class Event : unsigned char { kTimeout, kWoken, kReload, kQuit };

  Signals();
  ~Signals();  // the signals stay blocked
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // The next event, or kTimeout after `timeout_ms`. One thread waits.
  Event Wait(int64_t timeout_ms);
  // Asks for the end of the process, as SIGTERM does. Any thread.
  void Quit();
  // Makes Wait() return. Any thread.
  void Wake();

 private:
  int signal_fd_ = -1;
  int event_fd_ = -1;
  std::atomic<bool> quit_{false};
};

}  // namespace tributary::app
