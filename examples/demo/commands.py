# SPDX-License-Identifier: Apache-2.0
"""Commands as a user would type them: echoed, run, timed, and none of them left running."""
import os
import shlex
import signal
import subprocess
import sys
import time


class Failed(Exception):
    """One line for the user."""


def say(text=""):
    print(text, flush=True)


def title(text):
    say(f"\n== {text}")


def command_line(command):
    """Paths below the current folder are shown as one would type them there."""
    here = os.getcwd() + os.sep
    return " ".join(shlex.quote(word.replace(here, "")) for word in command)


class Steps:
    """Runs commands and remembers how long each step took. At the end nothing that it started is alive."""

    def __init__(self):
        self.seconds = []  # (what, seconds)
        self.children = []

    def timed(self, what):
        return _Timed(self, what)

    def run(self, command, show=True, keep=None):
        """Runs to the end; returns what it printed on standard output. `keep`: file for all it prints."""
        say(f"$ {command_line(command)}")
        log = open(keep, "w", encoding="utf-8") if keep else None
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, errors="replace")
        self.children.append(child)
        output, _ = child.communicate()
        self.children.remove(child)
        if log:
            log.write(output)
            log.close()
        if show and output.strip():
            say(output.rstrip())
        if child.returncode != 0:
            hint = f" (what it printed: {keep})" if keep else ""
            raise Failed(f"{command[0]} {command[1] if len(command) > 1 else ''} ended with status "
                         f"{child.returncode}{hint}")
        return output

    def start(self, command, log):
        say(f"$ {command_line(command)} &")
        with open(log, "w", encoding="utf-8") as output:
            child = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        self.children.append(child)
        return child

    def stop_all(self):
        for child in reversed(self.children):
            if child.poll() is None:
                child.terminate()
        for child in reversed(self.children):
            try:
                child.wait(timeout=60)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.children.clear()


class _Timed:
    def __init__(self, steps, what):
        self.steps, self.what = steps, what

    def __enter__(self):
        title(self.what)
        self.start = time.monotonic()

    def __exit__(self, kind, *_):
        if kind is None:
            self.steps.seconds.append((self.what, time.monotonic() - self.start))


def stop_on_signals():
    """Ctrl-C and SIGTERM end the program by an exception, so that `finally` runs."""
    def end(number, _frame):
        signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)


class Progress:
    """One line that is drawn over on a terminal; elsewhere a line now and then."""

    def __init__(self):
        self.terminal = sys.stderr.isatty()
        self.shown = ""
        self.last = 0.0

    def show(self, text):
        if text == self.shown or (not self.terminal and time.monotonic() - self.last < 5):
            return
        self.shown, self.last = text, time.monotonic()
        print("\r\033[K" + text if self.terminal else text, end="" if self.terminal else "\n", file=sys.stderr,
              flush=True)

    def end(self):
        if self.terminal and self.shown:
            print(file=sys.stderr, flush=True)
