#include "app/signals.h"

#include <array>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/check.h"

namespace tributary::app {

Signals::Signals() {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGHUP);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal_fd_ = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  event_fd_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  CHECK(signal_fd_ >= 0 && event_fd_ >= 0, "the system has no file descriptor left at start");
}

Signals::~Signals() {
  close(signal_fd_);
  close(event_fd_);
}

Signals::Event Signals::Wait(int64_t timeout_ms) {
  if (quit_.load()) return Event::kQuit;
  std::array<pollfd, 2> polled = {pollfd{.fd = signal_fd_, .events = POLLIN, .revents = 0},
                                  pollfd{.fd = event_fd_, .events = POLLIN, .revents = 0}};
  if (poll(polled.data(), polled.size(), static_cast<int>(timeout_ms)) <= 0) return Event::kTimeout;
  uint64_t woken = 0;
  const bool was_woken = read(event_fd_, &woken, sizeof woken) == sizeof woken;
  if (quit_.load()) return Event::kQuit;
  signalfd_siginfo info{};
  if (read(signal_fd_, &info, sizeof info) == sizeof info) {
    return info.ssi_signo == SIGHUP ? Event::kReload : Event::kQuit;
  }
  return was_woken ? Event::kWoken : Event::kTimeout;
}

void Signals::Quit() {
  quit_.store(true);
  Wake();
}

void Signals::Wake() {
  const uint64_t one = 1;
  // A full counter is as good as one more: the waiter wakes either way.
  [[maybe_unused]] const ssize_t written = write(event_fd_, &one, sizeof one);
}

}  // namespace tributary::app
