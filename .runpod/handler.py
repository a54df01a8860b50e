"""Starts the worker. RunPod's hub asks for a file of this name; the worker itself is the program `flaky-worker`."""

import os

if __name__ == "__main__":
    os.execvp("flaky-worker", ["flaky-worker"])
