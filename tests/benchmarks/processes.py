"""What Linux tells of a process in /proc: its CPU time, its peak memory, its children."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

PROC = Path("/proc")
TICK = 1 / os.sysconf("SC_CLK_TCK")


@dataclass
class Use:
    """What a process took: CPU seconds, and the most memory it ever had (VmHWM) in MB of a million bytes."""

    cpu: float = 0.0
    peak_mb: float = 0.0
    family_mb: float = 0.0
    """The most that it had together with all that it started; what several of them share is counted once (Pss)."""


def use(pid: int) -> Use | None:
    """What a process took so far; None once it has ended."""
    try:
        peak = [line for line in (PROC / str(pid) / "status").read_text().splitlines() if line.startswith("VmHWM")]
        fields = _stat(pid)
    except OSError:
        return None
    if fields[0] in "ZX" or not peak:
        return None
    return Use((int(fields[11]) + int(fields[12])) * TICK, int(peak[0].split()[1]) * 1024 / 1e6)


def watch(pid: int, seconds: float, family: bool = False) -> Use:
    """What a process took when it ended, which is waited for; with the memory of its `family` only if that is asked
    for, since to count it keeps the machine busy. Raises TimeoutError after so many seconds."""
    last, most, end = Use(), 0.0, time.monotonic() + seconds
    while now := use(pid):
        if time.monotonic() > end:
            raise TimeoutError(f"process {pid} still runs after {seconds:.0f} seconds")
        last = now
        most = max(most, _family_mb(pid)) if family else 0.0
        time.sleep(0.5 if family else 0.05)
    return replace(last, family_mb=most)


def child(parent: int, word: str) -> int:
    """The live child of a process that has this word in its command line."""
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            pid = int(entry.name)
            try:
                if int(_stat(pid)[1]) == parent and word in (entry / "cmdline").read_text().split("\0"):
                    return pid
            except OSError:
                continue
    raise LookupError(f"process {parent} has no child {word!r}")


def _family_mb(pid: int) -> float:
    """The memory of a process and of all that it started, and these in turn."""
    parents = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int(_stat(int(entry.name))[1])
            except OSError:
                continue
    family, found = set(), {pid}
    while found:
        family |= found
        found = {child for child, parent in parents.items() if parent in found}
    return sum(map(_pss_mb, family))


def _pss_mb(pid: int) -> float:
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended
        return 0.0
    return sum(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("Pss:"))


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on: state, parent …"""
    return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
