#!/usr/bin/env python3
"""Keeps a server busy for a while and looks whether it stays as it is: no answer of 5xx, memory and descriptors flat.

    flag-admin/tests/soak/run.py PROGRAM [SECONDS] [REQUESTS_A_SECOND]

Half of the requests evaluate one flag, half all of them, while a snapshot is published every two seconds. Half an hour is the full run.
"""

import http.client
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

program = pathlib.Path(sys.argv[1]).resolve()
seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 1800
rate = int(sys.argv[3]) if len(sys.argv) > 3 else 500
definitions = pathlib.Path(__file__).resolve().parent.parent / "openfeature" / "flags.toml"
WORKERS = 8
# What the allocator takes while it settles is no growth.
WARM_UP = min(60, seconds / 4)


def resident(process):
    status = pathlib.Path(f"/proc/{process}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


def descriptors(process):
    return len(os.listdir(f"/proc/{process}/fd"))


def slope(points):
    """The least squares slope of (seconds, kilobytes), in kilobytes a second."""
    count = len(points)
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    square = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / square if square else 0.0


with tempfile.TemporaryDirectory() as work:
    project = [str(program), "-C", f"{work}/flags", "--as", "soaker", "--yes"]
    quiet = {"check": True, "stdout": subprocess.DEVNULL}
    subprocess.run([str(program), "init", f"{work}/flags", "--project", "soak", "--as", "soaker"], **quiet)
    subprocess.run([*project, "apply", "-f", str(definitions)], **quiet)
    subprocess.run([*project, "publish", "--to", "store://"], **quiet)
    log = open(f"{work}/log", "w", encoding="utf-8")
    server = subprocess.Popen(
        [*project, "serve", "--listen", "127.0.0.1:0", "--json"], stdout=subprocess.PIPE, stderr=log, text=True
    )
    address = json.loads(server.stdout.readline())["address"]
    until = time.monotonic() + seconds
    answers, failures, waits, lock = {}, [], [], threading.Lock()

    def ask(worker):
        connection = http.client.HTTPConnection(address, timeout=10)
        number, next_at = 0, time.monotonic()
        while time.monotonic() < until:
            path = "/ofrep/v1/evaluate/flags" + ("/half" if number % 2 else "")
            body = json.dumps({"context": {"targetingKey": f"u{worker}-{number % 1000}"}})
            asked = time.monotonic()
            try:
                connection.request("POST", path, body, {"content-type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                status = answer.status
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                status = repr(error)
            with lock:
                answers[status] = answers.get(status, 0) + 1
                waits.append(time.monotonic() - asked)
            number += 1
            next_at += WORKERS / rate
            time.sleep(max(0.0, next_at - time.monotonic()))

    def publish():
        while time.monotonic() < until:
            done = subprocess.run([*project, "publish"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
            if done.returncode:
                failures.append(done.stderr.decode())
            time.sleep(2)

    workers = [threading.Thread(target=ask, args=(worker,)) for worker in range(WORKERS)]
    workers.append(threading.Thread(target=publish))
    for worker in workers:
        worker.start()
    begun, memory, handles = time.monotonic(), [], []
    while time.monotonic() < until:
        time.sleep(1)
        since = time.monotonic() - begun
        if since >= WARM_UP:
            memory.append((since, resident(server.pid)))
            handles.append(descriptors(server.pid))
    for worker in workers:
        worker.join()
    server.terminate()
    ended = server.wait(timeout=10)

def percentiles(part):
    ordered = sorted(part)
    return ", ".join(f"p{at} {ordered[len(ordered) * at // 100] * 1000:.1f} ms" for at in (50, 99))


growth = slope(memory) * 600
third = len(waits) // 3
print(f"waited, first third: {percentiles(waits[:third])}; last third: {percentiles(waits[-third:])}")
print(f"answers {answers}, publications failed {len(failures)}")
print(f"memory {memory[0][1]} to {memory[-1][1]} kB, {growth:.0f} kB in ten minutes; descriptors {min(handles)} to {max(handles)}")
assert set(answers) == {200}, answers
assert not failures, failures[0]
assert max(handles) - min(handles) <= WORKERS + 8, handles
assert ended == 0, ended
# Over a short run the slope says little.
assert seconds < 600 or growth <= 1024, f"memory grows by {growth:.0f} kB in ten minutes"
