"""A stand-in for the `spaces` package: it forks, pickles what crosses, and writes down the durations."""

import inspect
import multiprocessing
import pickle

import gradio as gr
import torch


class StandIn:
    """Calls run in a forked process, as on ZeroGPU; `durations` and `sizes` (bytes of the arguments) tell of them."""

    def __init__(self):
        self.durations, self.sizes, self.answers = [], [], []
        self.error: str | None = None

    def GPU(self, task=None, *, duration=60):  # noqa: N802
        def decorated(function):
            assert callable(function)
            if not inspect.isgeneratorfunction(function):
                return lambda *args: function(*args)

            def call(*args):
                self.durations.append(duration(*args) if callable(duration) else duration)
                if self.error:
                    raise gr.Error(self.error)
                yield from self.forked(function, pickle.dumps(args))

            return call

        return decorated if task is None else decorated(task)

    def forked(self, function, data):
        self.sizes.append(len(data))
        fork = multiprocessing.get_context("fork")
        here, there = fork.Pipe(duplex=False)

        def work():
            torch.set_num_threads(1)  # a forked process has none of the threads that OpenMP remembers
            try:
                for item in function(*pickle.loads(data)):
                    there.send_bytes(pickle.dumps(("item", item)))
                there.send_bytes(pickle.dumps(("end", None)))
            except Exception as error:
                there.send_bytes(pickle.dumps(("error", type(error).__name__)))

        process = fork.Process(target=work, daemon=True)
        process.start()
        there.close()
        try:
            while True:
                kind, item = pickle.loads(here.recv_bytes())
                if kind == "end":
                    return
                if kind == "error":
                    raise gr.Error(item, title="ZeroGPU worker error")
                self.answers.append(type(item))
                yield item
        finally:
            process.kill()
            process.join()
