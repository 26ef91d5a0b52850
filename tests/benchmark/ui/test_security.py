"""Requests of other sites and users are refused before a route sees them."""

from __future__ import annotations

import pytest

from tests.support.user_interface import ORIGIN, TOKEN

PATHS = ("/", "/listen", "/compare", "/sweeps", "/static/base.js", "/api/models", "/api/jobs/x")


@pytest.mark.parametrize("path", PATHS)
def test_a_request_without_the_token_is_refused(client, path: str):
    client.cookies.clear()
    for query in ({}, {"token": ""}, {"token": TOKEN[:-1]}, {"token": TOKEN + "a"}):
        answer = client.get(path, params=query)
        assert answer.status_code == 403
        assert "token" in answer.json()["error"]


def test_the_token_becomes_a_cookie_and_leaves_the_address(client):
    client.cookies.clear()
    answer = client.get(f"//evil.example/x?token={TOKEN}", follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/")
    assert not answer.headers["location"].startswith("//")
    assert TOKEN not in answer.headers["location"]
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert client.get("/listen").status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8765", "127.0.0.1", "127.0.0.1:1"])
def test_a_foreign_host_is_refused_as_with_dns_rebinding(client, host: str):
    assert client.get("/api/models", headers={"host": host}).status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": ORIGIN.replace("http", "https")},
        {"origin": ORIGIN + ".evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_foreign_origin_is_refused(client, headers: dict[str, str]):
    answer = client.post("/api/models/load", json={"models": ["x"]}, headers=headers)
    assert answer.status_code == 403


def test_the_own_origin_is_accepted(client):
    headers = {"origin": ORIGIN, "sec-fetch-site": "same-origin"}
    answer = client.post("/api/models/load", json={"models": ["x"]}, headers=headers)
    assert answer.status_code == 400
    assert "no model 'x'" in answer.json()["error"]


def test_every_response_has_a_strict_policy(client):
    for path in (*PATHS, "/absent", "/docs", "/openapi.json"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert headers["x-content-type-options"] == "nosniff"
    for path in ("/absent", "/docs", "/openapi.json"):
        assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static//etc/passwd",
        "/api/audio/..%2f..%2fsecret.wav",
        "/api/audio/%2e%2e%2fsecret",
        "/api/audio/" + "A" * 64,
        "/api/audio/" + "0" * 64,
    ],
)
def test_no_path_leaves_its_folder(client, config, path: str):
    (config.scratch / "secret.wav").write_text("secret")
    answer = client.get(path)
    assert answer.status_code == 404
    assert "secret" not in answer.text


def test_a_large_body_is_refused(client):
    answer = client.post("/api/models/load", content=b" " * (64 * 2**10 + 1))
    assert answer.status_code == 413
    pieces = (b" " * 2**10 for _ in range(65))  # without a stated length
    assert client.post("/api/models/load", content=pieces).status_code == 413
