"""No two events of the page may start one another again without end.

An event that keeps the last trigger (`trigger_mode="always_last"`) and was busy when it came is told the trigger again once it
is done, and with it every other event of the same trigger (Gradio 6.31). Of two such events each finds the other busy: they
take turns for ever, with requests that nobody asked for.
"""

from collections import defaultdict

from dpi_core.web.page import build_page


def test_no_trigger_has_two_events_that_keep_the_last(engine):
    page = build_page(engine)
    name = {component["id"]: component["props"].get("elem_id") for component in page.config["components"]}
    keeping = defaultdict(list)
    for event in page.config["dependencies"]:
        if event["backend_fn"] and event["trigger_mode"] == "always_last":
            for target, trigger in event["targets"]:
                if target is not None and trigger != "load":  # after another event, or at first, each is told by itself
                    keeping[target, trigger].append(event["id"])
    assert keeping
    twice = {(name[target], trigger): ids for (target, trigger), ids in keeping.items() if len(ids) > 1}
    assert not twice
