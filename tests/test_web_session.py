import copy
import gc
import weakref

from dpi_core.web.session import Session


def test_a_run_has_a_private_folder_and_the_one_before_is_removed():
    session = Session()
    first = session.results_folder()
    (first / "face.png").write_bytes(b"x")
    second = session.results_folder()
    assert not first.exists()
    assert second.exists()
    assert second.stat().st_mode & 0o077 == 0, "nobody else may look"
    session.clean()
    assert not second.exists()


def test_what_a_view_shows_goes_with_its_files():
    session = Session()
    for view in ("restore", "compare"):
        session.results_folder(view)
        session.shown[view] = {"its component": view}
    session.results_folder("compare")
    assert session.shown == {"restore": {"its component": "restore"}}
    session.clean()
    assert session.shown == {}


def test_what_is_removed_is_not_waited_for_any_more():
    session = Session()
    for _ in range(20):
        session.results_folder()
    kept = [end for end in list(weakref.finalize._registry) if (found := end.peek()) and found[0] is session]
    assert len(kept) == 1
    session.clean()
    assert not kept[0].alive


def test_a_session_takes_its_files_along():
    session = Session()
    folder = session.results_folder()
    del session
    gc.collect()
    assert not folder.exists()


def test_gradio_copies_sessions_without_sharing_anything():
    original = Session()
    a, b = copy.deepcopy(original), copy.deepcopy(original)
    a.stopped = True
    assert not b.stopped
    assert a.results_folder() != b.results_folder()
    a.clean()
    b.clean()
