"""TLS over REST and gRPC: who trusts whom; the certificates are made here."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from captcha_keras.errors import InputError
from captcha_keras.serving.client.clients import AsyncRestClient, RestClient
from captcha_keras.serving.client.endpoint import Tls
from captcha_keras.serving.client.errors import ServerError, TlsError, UnavailableError
from tests.serving.scripted import ScriptedServer, refuse_nonsense
from tests.serving.test_client_grpc import ScriptedGrpc
from tests.serving.twins import ALL, REST, Kind, opened, texts

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with authorities `ca` and `other`, and what `ca` signed: `server`, `elsewhere` and `client`."""
    folder = tmp_path_factory.mktemp("certificates")

    def make(name: str, *options: str) -> None:
        words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2"]
        files = ["-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem"]
        subprocess.run(["openssl", *words, *files, *options], cwd=folder, check=True, capture_output=True)

    for name in ("ca", "other"):
        make(name, "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    for name, address in (("server", "IP:127.0.0.1"), ("elsewhere", "DNS:example.org"), ("client", "DNS:client")):
        signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "basicConstraints=critical,CA:FALSE"]
        make(name, *signed, "-addext", f"subjectAltName={address}")
    return folder


@contextmanager
def serving(kind: Kind, certificates: Path, name: str = "server", ask: bool = False) -> Iterator[Any]:
    """A server with a certificate, which may ask the clients for theirs; gives its address."""
    key, certificate, ca = (certificates / file for file in (f"{name}.key", f"{name}.pem", "ca.pem"))
    if kind in (RestClient, AsyncRestClient):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=ca)
        context.load_cert_chain(certificate, key)
        context.verify_mode = ssl.CERT_REQUIRED if ask else ssl.CERT_NONE
        with ScriptedServer(context=context) as server:
            yield server.url
    else:
        pair = (key.read_bytes(), certificate.read_bytes())
        credentials = grpc.ssl_server_credentials([pair], ca.read_bytes() if ask else None, ask)
        with ScriptedGrpc(credentials=credentials) as grpc_server:
            yield grpc_server.address


@ALL
def test_a_server_is_trusted_by_its_authority(kind: Kind, certificates: Path) -> None:
    own = Tls(ca=certificates / "ca.pem")
    with serving(kind, certificates) as address, opened(kind, address, tls=own) as client:
        assert texts(client.read([b"first"])) == ["first"]


@ALL
@pytest.mark.parametrize(("name", "ca"), [("server", "other.pem"), ("server", None), ("elsewhere", "ca.pem")])
def test_a_server_is_not_trusted(kind: Kind, name: str, ca: str | None, certificates: Path) -> None:
    own = Tls(ca=certificates / ca if ca else None)
    with serving(kind, certificates, name) as address, opened(kind, address, tls=own) as client:
        assert not client.ready()
        begin = time.monotonic()
        with pytest.raises(TlsError, match=rf"^There is no secure connection to {address}: .*(?i:verif)") as caught:
            client.read([b"first"])
        assert time.monotonic() - begin < 20  # no retries for a minute
        assert "\n" not in str(caught.value)


@ALL
def test_a_client_shows_its_certificate(kind: Kind, certificates: Path) -> None:
    ca = certificates / "ca.pem"
    with serving(kind, certificates, ask=True) as address:
        own = Tls(ca, certificates / "client.pem", certificates / "client.key")
        with opened(kind, address, tls=own) as client:
            assert texts(client.read([b"first"])) == ["first"]
        # The connection may break before the server has said why.
        with opened(kind, address, tls=Tls(ca), timeout=2) as client, pytest.raises((TlsError, UnavailableError)):
            client.read([b"first"])


@ALL
def test_only_one_side_speaks_tls(kind: Kind, certificates: Path) -> None:
    rest = kind in (RestClient, AsyncRestClient)
    with serving(kind, certificates) as address:
        plain = address.replace("https", "http")
        with opened(kind, plain, timeout=2) as client, pytest.raises(ServerError, match=plain if rest else "127"):
            client.read([b"first"])
    with ScriptedServer(*[refuse_nonsense] * 99) as server:
        address = server.url.replace("http", "https") if rest else server.url.removeprefix("http://")
        own = Tls(certificates / "ca.pem")
        with opened(kind, address, tls=own) as client, pytest.raises(TlsError, match=address):
            client.read([b"first"])


@REST
def test_rest_takes_tls_from_the_url(kind: Kind, certificates: Path) -> None:
    with pytest.raises(InputError, match=r"TLS needs a URL that begins with https, got http://127\.0\.0\.1:9\."):
        kind("http://127.0.0.1:9", tls=Tls(certificates / "ca.pem"))


def test_files_that_are_no_certificates(certificates: Path, tmp_path: Path) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_bytes(b"junk")
    locked = tmp_path / "locked.key"
    words = ["-aes256", "-passout", "pass:secret", "-in", certificates / "client.key", "-out", locked]
    subprocess.run(["openssl", "ec", *words], check=True, capture_output=True)
    pair = {"certificate": certificates / "client.pem", "key": certificates / "client.key"}
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"ca": tmp_path / "none.pem"}, r"none\.pem: No such file or directory\.$"),
        ({"ca": tmp_path}, "Is a directory"),
        ({"ca": junk}, r"must be PEM and fit together \(.*\): .*junk\.pem"),
        ({"key": junk}, "give both"),
        ({"certificate": junk}, "give both"),
        ({**pair, "key": junk}, r"junk\.pem"),
        ({**pair, "key": certificates / "server.key"}, r"fit together .*client\.pem, .*server\.key"),
        ({**pair, "key": locked}, r"The key .*locked\.key has a password; expected a key without one\."),
    ]
    for options, words in wrong:
        with pytest.raises(InputError, match=words):
            Tls(**options)
    assert Tls(**pair).pem()[0] is None
