"""The HTTP endpoints through gradio_client, on the real embedded models."""

import asyncio

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from dpi_core.images import read_settings


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


def test_a_client_cannot_name_a_file_of_the_server(app_url, astronaut):
    import requests

    data = {"data": [{"path": str(astronaut), "meta": {"_type": "gradio.FileData"}}, "embedded"]}
    started = requests.post(f"{app_url}gradio_api/call/detect_faces", json=data, timeout=30)
    answer = requests.get(f"{app_url}gradio_api/call/detect_faces/{started.json()['event_id']}", timeout=60)
    assert "event: error" in answer.text
    assert "points" not in answer.text


def test_language_models_find_the_endpoints_as_tools(app_url):
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    async def tools() -> dict:
        async with (
            streamablehttp_client(f"{app_url.rstrip(chr(47))}/gradio_api/mcp/") as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return {tool.name: tool for tool in (await session.list_tools()).tools}

    found = asyncio.run(tools())
    assert {"restore", "compare_seeds", "detect_faces"} <= set(found)
    for name in ("restore", "compare_seeds"):
        arguments = found[name].inputSchema["properties"]
        assert {"image", "config", "scale", "face", "aligned"} <= set(arguments)
        assert "4, 8 or 16" in arguments["scale"]["description"]
