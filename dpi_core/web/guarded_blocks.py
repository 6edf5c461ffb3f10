"""The page's blocks: what stands before and behind every event of it, be it the page's, HTTP's or MCP's."""

import gradio as gr

from dpi_core.web.checks import REFUSED, message_of
from dpi_core.web.fair_queue import FairQueue
from dpi_core.web.uploads import may_be_opened, named_files


class GuardedBlocks(gr.Blocks):
    """Blocks that open no file but uploads and examples, tell nobody of an error not made for people, and queue fairly."""

    def queue(self, *args, **options):
        super().queue(*args, **options)
        self._queue = FairQueue.of(self)
        return self

    async def process_api(self, *args, **options):
        """See `gr.Blocks`; raises gr.Error alone."""
        try:
            return await super().process_api(*args, **options)
        except gr.Error:
            raise
        except Exception as error:
            raise gr.Error(message_of(error), print_exception=False) from error

    async def preprocess_data(self, block_fn, inputs, state, explicit_call=False):
        """See `gr.Blocks`; raises gr.Error with one sentence for every other file, whether it exists or not."""
        if not all(may_be_opened(file) for file in named_files(inputs)):
            raise gr.Error(REFUSED, print_exception=False)
        try:
            return await super().preprocess_data(block_fn, inputs, state, explicit_call)
        except (gr.Error, OSError):
            raise
        except Exception as error:  # Gradio's, on what fits no component: a number for a file, too few values
            raise gr.Error(misfit(block_fn), print_exception=False) from error


def misfit(block_fn) -> str:
    """Say what an event takes."""
    names = ", ".join(str(getattr(component, "label", None) or "?") for component in block_fn.inputs)
    return (
        f"What was sent fits no inputs of /{block_fn.api_name}, which are {names}; their kinds stand on the API's page."
    )
