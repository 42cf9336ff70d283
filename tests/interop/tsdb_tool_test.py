"""`tool tsdb` beside promtool on one directory that was left by kill -9: the same lists and dumps, line by
line; the same analyses, save which of equally large items are shown; blocks made from OpenMetrics that
promtool reads as it reads its own. TRIBUTARY_PEER_PROMTOOL may name another promtool than Debian's."""

import os
import shutil
import signal
import subprocess
import tempfile
import time

import servers
from fleet_test import fill, start

PROMTOOL = os.environ.get("TRIBUTARY_PEER_PROMTOOL", "promtool")


def run(program, *arguments):
    done = subprocess.run([*program, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{program} {arguments} failed: {done.stderr}{done.stdout[-500:]}")
    return done.stdout.splitlines()


def ours(*arguments):
    return run([servers.tributary(), "tool", "tsdb"], *arguments)


def theirs(*arguments):
    return run([PROMTOOL, "tsdb"], *arguments)


def expect_same(what, our, their):
    if our != their:
        different = next((pair for pair in zip(our, their) if pair[0] != pair[1]), None)
        raise SystemExit(f"{what}: {len(our)} lines, expected {len(their)}; {different}")
    print(f"ok: {what}: {len(our)} lines")


def numbers_only(lines):
    """Of list items ("17 name") the numbers."""
    return [line.split(" ", 1)[0] if line[:1].isdigit() else line for line in lines]


def main():
    servers.need(PROMTOOL)
    now = int(time.time()) // 300 * 300
    folder = tempfile.mkdtemp(prefix="tributary-interop-")
    server = start()
    try:
        fill(server, now)
        server.child.send_signal(signal.SIGKILL)
        server.child.wait()
        data = os.path.join(folder, "data")
        shutil.copytree(os.path.join(server.folder, "data"), data)
        for name in os.listdir(data):
            if not os.path.isdir(os.path.join(data, name)):
                os.unlink(os.path.join(data, name))
        before = sorted(os.listdir(data))
        expect_same("list", ours("list", data), theirs("list", data))
        expect_same("list -r", ours("list", "-r", data), theirs("list", "-r", data))
        if "version 2." not in subprocess.run([PROMTOOL, "--version"], capture_output=True, text=True,
                                              check=True).stdout:  # whose words are other ones
            for extra in ([], ["--extended", "--limit", "5"]):
                expect_same(f"analyze {extra}", numbers_only(ours("analyze", *extra, data)),
                            numbers_only(theirs("analyze", *extra, data)))
        expect_same("dump", ours("dump", data), sorted(theirs("dump", data), key=labels_and_time))
        part = ["--match={i='7'}", f"--min-time={(now - 7200) * 1000}"]
        expect_same("dump of a part", ours("dump", *part, data),
                    sorted(theirs("dump", *part, data), key=labels_and_time))
        if sorted(os.listdir(data)) != before:
            raise SystemExit(f"the directory has {os.listdir(data)}, had {before}")

        text = os.path.join(folder, "samples.om")
        with open(text, "w", encoding="utf-8") as out:
            out.write("\n".join(ours("dump-openmetrics", data)) + "\n")
        made = {}
        for program, name in ((ours, "ours"), (theirs, "theirs")):
            target = os.path.join(folder, name)
            listed = program("create-blocks-from", "openmetrics", text, target)
            made[name] = [line.split()[1:-1] for line in listed]  # without ULIDs and bytes
            os.mkdir(os.path.join(target, "wal"))  # promtool asks for one
        expect_same("create-blocks-from", made["ours"], made["theirs"])
        dumps = [sorted(theirs("dump", os.path.join(folder, name))) for name in ("ours", "theirs")]
        expect_same("promtool's dump of both", *dumps)
        for where in (data, os.path.join(folder, "ours"), os.path.join(folder, "theirs")):
            print("ok:", ours("verify", where)[-1])
    finally:
        server.close()
        shutil.rmtree(folder, ignore_errors=True)


def labels_and_time(line):
    """The order of ours: by series, in it by time."""
    series, _, t = line.rsplit(" ", 2)
    return [part.split("=", 1) for part in series.strip("{}").split(", ")], int(t)


if __name__ == "__main__":
    main()
