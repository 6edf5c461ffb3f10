"""The browser app: ``python app.py`` serves it on this machine; a Hugging Face Space runs the same file."""

import argparse
import os
from contextlib import nullcontext

from dpi_core.errors import DPIError
from dpi_core.web.engine import Engine, EngineSettings
from dpi_core.web.surroundings import ask_itself_directly, choose_gradio_folder, without_proxies
from dpi_core.web.zerogpu import gpu_decorator


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--prior", default="embedded", help="embedded, ffhq-256, celebahq-256, a folder, a checkpoint or a hub id"
    )
    parser.add_argument("--corrector", default="embedded", help="'embedded' or a folder with a trained corrector")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--precision", default="auto", help="auto, float32 or bfloat16")
    parser.add_argument("--fast", action="store_true", help="compile the networks: slow at first, then faster")
    parser.add_argument("--host", help="address to listen on (default 127.0.0.1; on a Space 0.0.0.0)")
    parser.add_argument("--port", type=int, help="port to listen on (default: the first free one from 7860)")
    parser.add_argument(
        "--root-path", help="path under which a reverse proxy serves the app, such as /dpi, or its whole URL"
    )
    parser.add_argument("--share", action="store_true", help="also make a public link through Gradio's servers")
    args = parser.parse_args(argv)
    own_machine = not args.share and args.host in (None, "127.0.0.1", "localhost") and "SPACE_ID" not in os.environ
    engine = Engine(
        EngineSettings(args.prior, args.corrector, args.device, args.precision, args.fast, any_prior=own_machine)
    )
    try:
        choose_gradio_folder()
        if gpu_decorator() is not None:
            engine.restorer()  # ZeroGPU takes over the models that are loaded before the launch, in this thread
        ask_itself_directly(args.host)
        with nullcontext() if args.share else without_proxies():  # Gradio's servers may have to be asked through one
            from dpi_core.web.page import build_page, launch_options  # imports Gradio, which looks around at once

            page = build_page(engine)
            page.launch(
                server_name=args.host,
                server_port=args.port,
                root_path=args.root_path,
                share=args.share,
                prevent_thread_lock=True,
                **launch_options(),
            )
    except (DPIError, OSError) as error:
        parser.error(str(error))
    engine.warm_up()  # after the page is up: loading the networks must not keep it waiting
    page.block_thread()


if __name__ == "__main__":
    main()
