"""The HTTP endpoints through gradio_client, on the real embedded models."""

import asyncio
import base64
from dataclasses import fields
from io import BytesIO
from types import SimpleNamespace

import pytest
from conftest import EXAMPLES
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from jsonschema import Draft202012Validator
from PIL import Image

from dpi_core import DPIConfig
from dpi_core.imaging.pictures import read_settings
from dpi_core.web.api_runs import compare_seeds
from dpi_core.web.checks import REFUSED
from dpi_core.web.engine import EngineSettings


@pytest.fixture(scope="module")
def client(app_url, tmp_path_factory):
    return Client(app_url, verbose=False, download_files=str(tmp_path_factory.mktemp("downloads")))


def test_restore_streams_every_step_and_ends_with_the_files(client, astronaut):
    job = client.submit(
        image=handle_file(astronaut), config={"steps": 4, "tau": 400}, seed=9, scale=8, api_name="/restore"
    )
    status, estimate, face, photo = job.result(timeout=120)
    steps = [output[0] for output in job.outputs()]
    assert [step["stage"] for step in steps[:-1]] == ["FCM", "FCM", "RACM", "final"]
    assert status["done"]
    assert {"psnr", "ssim", "lr_consistency"} <= set(status["faces"][0])
    assert read_settings(face)["seed"] == 9
    assert Image.open(estimate).size == (128, 128)
    assert Image.open(face).size == (128, 128)
    assert Image.open(photo).size == Image.open(astronaut).size


def test_restore_has_defaults_and_takes_all_faces(client, astronaut):
    status, *_ = client.predict(image=handle_file(astronaut), config={"steps": 2}, face="all", api_name="/restore")
    assert [face["face"] for face in status["faces"]] == [0]


def test_compare_seeds_streams_side_by_side_and_measures_the_diversity(client, astronaut):
    status, preview, files = client.predict(
        image=handle_file(astronaut), config={"steps": 3}, seeds=[4, 9, 2], scale=16, api_name="/compare_seeds"
    )
    assert [face["seed"] for face in status["faces"]] == [4, 9, 2]
    assert status["diversity"] > 0.5
    assert Image.open(preview).size == (3 * 128, 128)
    assert [read_settings(file)["seed"] for file in files] == [4, 9, 2]


@pytest.mark.parametrize("seeds", [[1], [1, 1], list(range(17)), [1, -2], "all", [1, 2.5]])
def test_compare_seeds_refuses_other_seeds(client, astronaut, seeds):
    with pytest.raises(AppError, match="allowed"):
        client.predict(image=handle_file(astronaut), config={"steps": 2}, seeds=seeds, api_name="/compare_seeds")


@pytest.mark.parametrize("face", [[0, 1], [0], "all", True, 0.5])
def test_compare_seeds_takes_one_face(client, astronaut, face):
    with pytest.raises(AppError, match=r"face is .*; the index of one face"):
        client.predict(image=handle_file(astronaut), config={"steps": 2}, face=face, api_name="/compare_seeds")


def test_compare_seeds_pastes_no_photo(astronaut, restorer, monkeypatch):
    monkeypatch.setattr("dpi_core.restore.compose.paste_face", lambda *_, **__: pytest.fail("pasted"))
    engine = SimpleNamespace(restorer=lambda: restorer, settings=EngineSettings())
    *_, (status, _, files) = compare_seeds(engine, str(astronaut), {"steps": 1}, [3, 5])
    assert [face["seed"] for face in status["faces"]] == [3, 5]
    assert len(files) == 2


def test_detect_faces_gives_boxes_and_points(client, astronaut):
    (face,) = client.predict(image=handle_file(astronaut), api_name="/detect_faces")
    assert len(face["box"]) == 4
    assert len(face["points"]) in (5, 68)
    assert face["detector"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"config": {"tau": -5}}, "tau is -5; allowed is a whole number from 0 to 1000"),
        ({"config": {"steps": 2}, "scale": 5}, "scale is 5; allowed"),
        ({"config": {"steps": 2}, "face": 9}, "face is 9; allowed"),
        ({"config": {"steps": 2}, "seed": -1}, "seed is -1; allowed"),
    ],
)
def test_wrong_arguments_come_back_as_messages(client, astronaut, arguments, message):
    with pytest.raises(AppError, match=message):
        client.predict(image=handle_file(astronaut), api_name="/restore", **arguments)


def test_unusable_files_come_back_as_messages(client, bad_files):
    for path in bad_files.values():
        with pytest.raises(AppError, match=path.name):
            client.predict(image=handle_file(path), config={"steps": 2}, api_name="/restore")


def test_only_the_documented_endpoints_are_public(client):
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    assert set(endpoints) == {"/restore", "/compare_seeds", "/detect_faces"}
    assert [p["parameter_name"] for p in endpoints["/restore"]["parameters"]] == [
        "image", "config", "seed", "scale", "face", "aligned",
    ]  # fmt: skip


def test_the_types_of_the_endpoints_are_told(client):
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    types = {p["parameter_name"]: p["python_type"]["type"] for p in endpoints["/restore"]["parameters"]}
    for field in fields(DPIConfig):
        assert f"{field.name}: {type(getattr(DPIConfig(), field.name)).__name__}" in types["config"]
    assert types["seed"] == "int"
    assert types["scale"].startswith("int | None")
    assert "list[int]" in types["face"]
    assert types["aligned"] == "bool"
    types = {p["parameter_name"]: p["python_type"]["type"] for p in endpoints["/compare_seeds"]["parameters"]}
    assert types["seeds"].startswith("list[int] | None")
    for endpoint in endpoints.values():
        assert not any("any valid json" in str(value) for value in [*endpoint["parameters"], *endpoint["returns"]])


def test_the_events_of_the_page_are_no_endpoints(client, app_url):
    import requests

    assert not client.view_api(return_format="dict")["unnamed_endpoints"]
    listed = requests.get(f"{app_url}config", timeout=30).json()["dependencies"]
    public = {event["api_name"] for event in listed if event["api_visibility"] != "private"}
    assert public == {"restore", "compare_seeds", "detect_faces"}


def with_tools(app_url, use):
    """What the coroutine `use` makes of an MCP session with the app."""
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    async def session():
        async with (
            streamablehttp_client(f"{app_url.rstrip(chr(47))}/gradio_api/mcp/") as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return await use(session)

    return asyncio.run(session())


def call_tool(app_url, name, **arguments):
    """The answer of a tool, asked as language models' hosts do: with progress."""

    async def progress(*args):
        pass

    return with_tools(app_url, lambda session: session.call_tool(name, arguments, progress_callback=progress))


@pytest.fixture(scope="module")
def data_url(app_url):
    data = base64.b64encode((EXAMPLES / "astronaut-tiny.png").read_bytes()).decode()
    return f"data:image/png;base64,{data}"


def test_language_models_find_the_endpoints_and_nothing_else_as_tools(app_url):
    tools = with_tools(app_url, lambda session: session.list_tools()).tools
    found = {tool.name: tool for tool in tools}
    assert set(found) == {"restore", "compare_seeds", "detect_faces"}
    for tool in tools:
        Draft202012Validator.check_schema(tool.inputSchema)
        assert len(tool.description) > 100
        assert "    Args" not in tool.description
        assert all(argument["description"] for argument in tool.inputSchema["properties"].values()), tool.name
        assert tool.inputSchema["required"] == ["image"]
    for name in ("restore", "compare_seeds"):
        arguments = found[name].inputSchema["properties"]
        assert {"image", "config", "scale", "face", "aligned"} <= set(arguments)
        assert "4, 8 or 16" in arguments["scale"]["description"]
        tau = arguments["config"]["properties"]["tau"]
        assert (tau["type"], tau["default"]) == ("integer", 350)
        assert tau["description"].startswith("0 to 1000. ")


def test_language_models_can_call_the_tools(app_url, data_url):
    answer = call_tool(app_url, "restore", image=data_url, config={"steps": 2}, seed=3, scale=None, face=0)
    assert not answer.isError
    assert "'seed': 3" in answer.content[0].text
    pictures = [Image.open(BytesIO(base64.b64decode(c.data))) for c in answer.content if c.type == "image"]
    assert [picture.size for picture in pictures[:2]] == [(128, 128), (128, 128)]
    answer = call_tool(app_url, "compare_seeds", image=data_url, config={"steps": 2}, seeds=[1, 2])
    assert "diversity" in answer.content[0].text
    answer = call_tool(app_url, "detect_faces", image=data_url)
    assert "'box'" in answer.content[0].text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"config": {"tau": -5}}, "tau is -5; allowed is a whole number from 0 to 1000"),
        ({"config": {"tua": 5}}, "config has no field 'tua'; the fields are steps"),
        ({"scale": 5}, "scale is 5; allowed"),
        ({"face": "both"}, "face is 'both'; allowed"),
    ],
)
def test_what_a_language_model_gets_wrong_is_said(app_url, data_url, arguments, message):
    answer = call_tool(app_url, "restore", image=data_url, **arguments)
    assert answer.isError
    assert message in answer.content[0].text


def test_a_language_model_cannot_name_a_file_or_an_address_of_the_server(app_url):
    def told(image):
        answer = call_tool(app_url, "detect_faces", image=image)
        assert answer.isError
        return answer.content[0].text

    paths = [str(EXAMPLES.parent / "screenshots" / "live.jpg"), "/no/such/file"]
    assert len({told(path).replace(path, "") for path in paths}) == 1
    assert REFUSED in told(f"{app_url}gradio_api/file=photo.png")
    assert REFUSED in told("https://example.com/photo.png")
    file = {"path": paths[0], "meta": {"_type": "gradio.FileData"}}
    assert "is not of type 'string'" in told(file)  # the tool's own client would upload it
