"""Child processes of the demo fleet: started with a log file each, always ended."""

import os
import signal
import subprocess
import sys
import time


class Process:
    """One child. start() may be called again after stop() or kill()."""

    def __init__(self, name, argv, log_path, cwd=None):
        self.name = name
        self.argv = argv
        self.log_path = log_path
        self.cwd = cwd
        self.child = None

    def start(self):
        with open(self.log_path, "ab") as log:
            self.child = subprocess.Popen(
                self.argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.cwd,
                start_new_session=True)

    def running(self):
        return self.child is not None and self.child.poll() is None

    def stop(self, timeout=30):
        """SIGTERM, and SIGKILL when that does not help. Returns the exit code."""
        if self.child is None:
            return None
        if self.running():
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(timeout)
            except subprocess.TimeoutExpired:
                self.child.kill()
        code = self.child.wait()
        self.child = None
        return code

    def kill(self):
        """SIGKILL: what a crash looks like."""
        if self.child is not None:
            self.child.kill()
            self.child.wait()
            self.child = None

    def last_lines(self, count=8):
        try:
            with open(self.log_path, "rb") as log:
                return b"".join(log.readlines()[-count:]).decode(errors="replace")
        except OSError:
            return ""


def stop_all(processes):
    """Ends all at once, then waits for each."""
    for process in processes:
        if process.running():
            process.child.send_signal(signal.SIGTERM)
    for process in processes:
        process.stop()


def fail(sentence, detail=""):
    """Says what is wrong and what to do, and exits."""
    sys.stdout.flush()
    print(sentence, file=sys.stderr)
    if detail:
        print(detail.rstrip(), file=sys.stderr)
    raise SystemExit(1)


def wait_until(condition, timeout, processes=()):
    """Polls until condition() is true. False when time is over or a process died."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if condition():
            return True
        for process in processes:
            if not process.running():
                return False
        time.sleep(0.1)
    return False


def ignore_terminal_signals_in_children():
    """Children live in sessions of their own (start_new_session): Ctrl-C reaches only us."""
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    os.environ.setdefault("LC_ALL", "C")
