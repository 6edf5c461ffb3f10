"""The page: the shared controls on the left, one tab for each use on the right."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import gradio as gr
from gradio.themes import Base, Default
from starlette.middleware import Middleware

from dpi_core.web import api, connections
from dpi_core.web.ab_tab import ab_tab
from dpi_core.web.auto_settings import connect_auto
from dpi_core.web.compare_tab import compare_tab
from dpi_core.web.controls import Controls, build_controls
from dpi_core.web.doors import FILE_BYTES, Doors
from dpi_core.web.engine import Engine
from dpi_core.web.events import QUIET
from dpi_core.web.explore_tab import explore_tab
from dpi_core.web.fair_queue import MOST_WAITING
from dpi_core.web.guarded_blocks import GuardedBlocks
from dpi_core.web.keeping import BY_GRADIO, keep_while_open
from dpi_core.web.links import view_script
from dpi_core.web.mcp_sessions import McpSessions
from dpi_core.web.reload import connect_reload, example_link, tab_sessions
from dpi_core.web.restore_tab import restore_tab
from dpi_core.web.running import View
from dpi_core.web.shown_pictures import ShownPictures

TITLE = "Face super-resolution by Diffusion Prior Interpolation"
INTRO = (
    "A diffusion model of faces paints what a small or worn photo lacks, first held to it all over (**FCM**), then only at "
    "its edges (**RACM**). [The method](https://arxiv.org/abs/2412.16552)"
)
ETHICS = (
    "The result is a *plausible* face computed from a prior, not a recovered one: it is no evidence of anybody's identity. "
    "Photos and results stay on this server while the page is open and about an hour longer, and are shown to nobody else; no "
    "history of runs is kept. "
    "Embedded models: non-commercial research."
)
STYLES = sorted(Path(__file__).parent.glob("*.css"))
SCRIPTS = sorted(Path(__file__).parent.glob("*.js"))


VIEWS: dict[str, tuple[str, Callable[[Engine, Controls], View]]] = {
    "restore": ("Restore", restore_tab),
    "compare": ("Compare seeds", compare_tab),
    "explore": ("Explore", explore_tab),
    "ab": ("A/B", ab_tab),
}
"""Name in the address, title and tab of each view; the first is open at first."""


def build_page(engine: Engine) -> gr.Blocks:
    """Build the page and its HTTP endpoints over `engine`'s models."""
    with GuardedBlocks(title=TITLE, fill_width=True, delete_cache=BY_GRADIO, analytics_enabled=False) as page:
        gr.Markdown(f"# {TITLE}\n{INTRO}", elem_id="title")
        with gr.Row(elem_id="page"):
            with gr.Column(scale=0, min_width=340, elem_id="controls"):
                controls = build_controls(engine.settings.prior)
            with gr.Column(scale=1, min_width=320, elem_id="shown"):
                controls = connections.connect_photo(controls, engine.settings.prior)
                connect_auto(engine, controls)
                connections.connect_files(controls)
                named = tab_sessions()
                linked = [example_link(controls, named), *connections.shared_links(controls)]
                views: dict[str, View] = {}
                with gr.Tabs(elem_id="views") as tabs:
                    for view, (title, build) in VIEWS.items():
                        with gr.Tab(title, id=view, render_children=True) as tab:
                            views[view] = built = build(engine, controls)
                        linked += built.linked
                        _connect_view(page, view, tab, built)
                connections.connect_plans(controls, [built.plan for built in views.values()])
                connections.connect_results(controls, views)
                controls.run.click(lambda: gr.Tabs(selected="restore"), None, tabs, queue=False, **QUIET)
                opened = connections.connect_address(page, controls, linked, tabs, list(VIEWS))
                results = [component for built in views.values() for component in built.results]
                connect_reload(opened, controls, results, named)
        gr.Markdown(ETHICS, elem_id="ethics")
        api.add_endpoints(engine)
        keep_while_open()
    page.queue(max_size=MOST_WAITING, default_concurrency_limit=4, api_open=False)
    return page


def _connect_view(page: gr.Blocks, view: str, tab: gr.Tab, built: View) -> None:
    """Write into the address that the view is open, and say anew what a run costs: the pace is known by and by."""
    tab.select(None, None, None, js=view_script(view, next(iter(VIEWS))), queue=False, **QUIET)
    plan, events = built.plan, [page.load, tab.select]
    gr.on(events, plan.make, plan.inputs, plan.line, queue=False, trigger_mode="always_last", **QUIET)


def launch_options() -> dict:
    """Return what `gr.Blocks.launch` is called with: theme, style, and no record of anybody's runs."""
    return {
        "theme": theme(),
        "css_paths": STYLES,
        "js": "() => {" + "".join(f"({script.read_text().rstrip().rstrip(';')})();" for script in SCRIPTS) + "}",
        "run_history": False,
        "footer_links": ["api", "settings"],
        "max_file_size": FILE_BYTES,
        "app_kwargs": {"middleware": [Middleware(Doors), Middleware(ShownPictures), Middleware(McpSessions)]},
        "enable_monitoring": False,
        "show_error": True,
        "_frontend": False,  # or Gradio gives up where its own page takes three seconds to come, on a busy machine
        "mcp_server": find_spec("mcp") is not None,  # the endpoints as tools for language models
    }


def theme() -> Base:
    """Make Gradio's default look with system fonts (nothing to download), and texts and buttons dark enough to read."""
    fonts = ["system-ui", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif"]
    return Default(primary_hue="blue", secondary_hue="orange", neutral_hue="zinc", font=fonts).set(
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        checkbox_border_color="*neutral_500",
        checkbox_border_color_dark="*neutral_400",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
    )
