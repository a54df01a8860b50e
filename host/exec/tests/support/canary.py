"""Looks for secrets wherever a test could: the program of a curious pull request.

Usage: canary.py [--only PID]… SECRET… -- FOLDER…

Secrets are given as the hexadecimal digits of their reversed bytes, so that the command line and whoever passes it on
do not hold them. Looks into environment, command line, memory and open files of every process (with --only: of these),
into every file below the folders, into git's configuration, and at what listens on loopback; and tries to signal every
process of another user. Prints a line for each find, and in the end how much was looked at:

    found 2 /proc/17/environ
    signal 17
    looked environ=1 cmdline=80 mem=1 fd=3 files=120 ports=2 processes=80

It has seen nothing of a kind whose number is 0. Secrets are searched for as they are and in base64.
"""

import base64
import os
import re
import shutil
import socket
import subprocess
import sys

CHUNK = 1 << 20
# No file with a secret in it is larger; a mapping that is holds data, and its start is looked at.
MOST_OF_A_FILE, MOST_OF_A_MAPPING = 64 << 20, 256 << 20
LOOKED = dict.fromkeys(("environ", "cmdline", "mem", "fd", "files", "ports", "processes"), 0)


def forms(secret):
    """The secret, and what base64 makes of it wherever it begins in what was encoded."""
    yield secret
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + secret)
        # The first and last characters depend on what stands beside the secret.
        yield encoded[4 if shift else 0 : -4]


def arguments():
    args, only = sys.argv[1:], set()
    while args and args[0] == "--only":
        only.add(args[1])
        args = args[2:]
    cut = args.index("--")
    secrets = [bytes.fromhex(text)[::-1] for text in args[:cut]]
    patterns = [re.compile(b"|".join(re.escape(form) for form in forms(secret) if len(form) > 5)) for secret in secrets]
    return only, patterns, args[cut + 1 :]


ONLY, PATTERNS, FOLDERS = arguments()
LONGEST = max(len(pattern.pattern) for pattern in PATTERNS)
FOUND = set()


def search(data, where):
    for number, pattern in enumerate(PATTERNS):
        if pattern.search(data):
            FOUND.add((number, where))


def search_stream(file, where, most):
    before = b""
    while most > 0 and (data := file.read(min(CHUNK, most))):
        search(before + data, where)
        before, most = data[-LONGEST:], most - len(data)


def search_file(path, kind, most=MOST_OF_A_FILE):
    try:
        # Not waiting for whoever is at the other end of a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:
        return
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        try:
            search_stream(file, path, most)
            LOOKED[kind] += 1
        except OSError:
            pass


def search_memory(process):
    try:
        with open(f"{process}/maps") as maps:
            mappings = [line.split() for line in maps]
        with open(f"{process}/mem", "rb", buffering=0) as memory:
            LOOKED["mem"] += 1
            for fields in mappings:
                start, end = (int(number, 16) for number in fields[0].split("-"))
                if "r" not in fields[1]:
                    continue
                try:
                    memory.seek(start)
                    search_stream(memory, f"{process}/mem", min(end - start, MOST_OF_A_MAPPING))
                except (OSError, OverflowError, ValueError):
                    pass
    except OSError:
        pass


def search_process(pid):
    process = f"/proc/{pid}"
    LOOKED["processes"] += 1
    for name in ("environ", "cmdline"):
        search_file(f"{process}/{name}", name)
    for name in ("comm", "mountinfo", "stack", "auxv"):
        search_file(f"{process}/{name}", "files")
    try:
        tasks = os.listdir(f"{process}/task")
    except OSError:
        tasks = []
    for task in tasks:
        search_file(f"{process}/task/{task}/environ", "environ")
    search_memory(process)
    try:
        for descriptor in os.listdir(f"{process}/fd"):
            # What ends: terminals, pipes and sockets have nothing that stays.
            if os.path.isfile(f"{process}/fd/{descriptor}"):
                search_file(f"{process}/fd/{descriptor}", "fd")
    except OSError:
        pass
    try:
        if os.stat(process).st_uid != os.getuid():
            os.kill(int(pid), 0)
            print("signal", pid)
    except OSError:
        pass


def search_folder(folder):
    for above, folders, files in os.walk(folder, onerror=lambda _: None):
        for name in folders + files:
            search(os.fsencode(name), f"{above}/{name}")
        for name in files:
            path = os.path.join(above, name)
            try:
                if os.path.islink(path):
                    search(os.fsencode(os.readlink(path)), path)
                elif os.path.isfile(path):
                    search_file(path, "files")
            except OSError:
                pass


def search_git():
    if git := shutil.which("git"):
        for options in (["-l", "--show-origin"], ["-l", "--show-origin", "--system"], ["-l", "--show-origin", "--global"]):
            run = subprocess.run([git, "config", *options], capture_output=True, check=False)
            search(run.stdout + run.stderr, "git config")


def search_ports():
    listening = set()
    for table in ("tcp", "tcp6"):
        try:
            with open(f"/proc/net/{table}") as lines:
                rows = [line.split() for line in list(lines)[1:]]
        except OSError:
            continue
        listening |= {int(row[1].rsplit(":", 1)[1], 16) for row in rows if row[3] == "0A"}
    for port in sorted(listening):
        for path in ("/", "/health", "/env", "/debug"):
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=0.2) as connection:
                    connection.settimeout(0.2)
                    connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
                    LOOKED["ports"] += path == "/"
                    search(connection.recv(CHUNK), f"port {port}")
            except OSError:
                break


def main():
    own = {str(os.getpid())}
    search("\0".join(f"{name}={value}" for name, value in os.environ.items()).encode(errors="surrogateescape"), "own environment")
    pids = [name for name in os.listdir("/proc") if name.isdigit() and name not in own and (not ONLY or name in ONLY)]
    for pid in pids:
        search_process(pid)
    search_git()
    search_ports()
    for folder in FOLDERS:
        search_folder(folder)
    for number, where in sorted(FOUND):
        print("found", number, where)
    print("looked", *(f"{kind}={count}" for kind, count in LOOKED.items()))


main()
