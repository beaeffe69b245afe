"""A client that comes in over TLS talks to whom it meant to, or reads in one sentence why not."""

from __future__ import annotations

import datetime
import re
import socket
import ssl
import threading

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ExtendedKeyUsageOID

from tests.process.test_library import in_time
from tests.support.certificates import Authority, TLSServer, key_pem
from tests.support.clients import ended, piped
from tests.support.processes import TWISTD, Process, closing_all, with_limits
from twisted_chat.client import connect
from twisted_chat.events import Greeting
from twisted_chat.tls import TLSFailure

NO_TLS = "it does not speak TLS there: try it without TLS, or another port"


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def serve():
    """Start a TLSServer, which ends with the test."""
    with closing_all() as register:
        yield lambda *arguments, **options: register(TLSServer(*arguments, **options))


async def first_event(where: str) -> object:
    """What a session at `where` reads first."""
    session = await connect(where)
    try:
        return await session.__anext__()
    finally:
        await session.close()


async def failure(where: str) -> str:
    """Why there is no TLS with the server at `where`."""
    with pytest.raises(TLSFailure) as raised:
        await first_event(where)
    line = str(raised.value)
    assert "\n" not in line
    assert "[(" not in line
    return line


def day(days: float) -> str:
    """The date in so many days."""
    return (
        f"{datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days):%Y-%m-%d}"
    )


# Whom it trusts.


@in_time
async def test_server_whose_authority_is_trusted_is_talked_to(authority, serve):
    server = serve(authority.certify("127.0.0.1"))
    where = f"tls:127.0.0.1:{server.port}:trustRoots={authority.file}"
    assert await first_event(where) == Greeting(1)
    assert await first_event(where.replace("tls:", "TLS:")) == Greeting(1)
    assert await first_event(
        f"tls:port={server.port}:{where.partition(':')[2]}".replace(
            f"127.0.0.1:{server.port}", "host=127.0.0.1"
        )
    ) == Greeting(1)
    assert server.names == [None, None, None]


@in_time
async def test_trusted_certificates_can_be_a_folder(authority, serve, tmp_path):
    Authority(tmp_path, "another")
    server = serve(authority.certify("127.0.0.1"))
    assert await first_event(f"tls:127.0.0.1:{server.port}:trustRoots={tmp_path}") == Greeting(1)


@in_time
async def test_who_is_trusted_is_told_by_the_system_if_nobody_else_tells(
    authority, serve, monkeypatch
):
    server = serve(authority.certify("127.0.0.1"))
    assert "nobody whom this machine trusts" in await failure(f"tls:127.0.0.1:{server.port}")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    assert await first_event(f"tls:127.0.0.1:{server.port}") == Greeting(1)


@in_time
async def test_server_is_known_by_its_name_which_it_is_told(authority, serve):
    """The name is in the string alone, the way to the server is another."""
    server = serve(authority.certify("chat.example", "*.example.org", "xn--bcher-kva.example"))
    names = ["chat.example", "CHAT.example", "chat.example.", "a.example.org", "bücher.example"]
    for name in names:
        assert await first_event(
            f"tls:{name}:1:trustRoots={authority.file}:endpoint=tcp\\:127.0.0.1\\:{server.port}"
        ) == Greeting(1)
    assert [name.lower() for name in server.names] == [
        "chat.example",
        "chat.example",
        "chat.example",
        "a.example.org",
        "xn--bcher-kva.example",
    ]


# Why not.


@in_time
async def test_authority_that_nobody_knows_is_told(authority, serve, tmp_path):
    another = Authority(tmp_path, "another")
    server = serve(authority.certify("127.0.0.1"))
    assert (await failure(f"tls:127.0.0.1:{server.port}:trustRoots={another.file}")).startswith(
        "nobody whom this machine trusts vouches for its certificate: "
    )


@in_time
async def test_certificate_for_others_is_told_with_their_names(authority, serve):
    server = serve(authority.certify("chat.example", "10.0.0.7"))
    assert await failure(f"tls:127.0.0.1:{server.port}:trustRoots={authority.file}") == (
        "its certificate is for chat.example, 10.0.0.7, not for 127.0.0.1"
    )
    many = serve(authority.certify(*(f"{name}.example" for name in "abcdefg")))
    assert await failure(f"tls:127.0.0.1:{many.port}:trustRoots={authority.file}") == (
        "its certificate is for a.example, b.example, c.example, d.example, e.example and 2 more, "
        "not for 127.0.0.1"
    )
    none = serve(authority.certify("mailto:ann@example.org"))
    assert await failure(f"tls:127.0.0.1:{none.port}:trustRoots={authority.file}") == (
        "its certificate is for no host, not for 127.0.0.1"
    )


@in_time
async def test_certificate_without_a_subject_alternative_name_is_refused(authority, serve):
    """Its common name, `chat`, is no name of a host for anybody today (RFC 9525)."""
    server = serve(authority.certify())
    for where in (
        f"tls:127.0.0.1:{server.port}:trustRoots={authority.file}",
        f"tls:chat:1:trustRoots={authority.file}:endpoint=tcp\\:127.0.0.1\\:{server.port}",
    ):
        assert (await failure(where)).startswith(
            "its certificate names no host (it has no subjectAltName, "
        )


@in_time
async def test_certificate_out_of_its_time_is_told_with_the_day(authority, serve, tmp_path):
    expired = serve(authority.certify("127.0.0.1", begins=-9, ends=-3))
    assert await failure(f"tls:127.0.0.1:{expired.port}:trustRoots={authority.file}") == (
        f"its certificate expired on {day(-3)}"
    )
    early = serve(authority.certify("127.0.0.1", begins=3, ends=9))
    assert await failure(f"tls:127.0.0.1:{early.port}:trustRoots={authority.file}") == (
        f"its certificate is not valid before {day(3)}: is the clock of this machine right?"
    )
    old = Authority(tmp_path, "old", ends=-2)
    server = serve(old.certify("127.0.0.1"))
    assert await failure(f"tls:127.0.0.1:{server.port}:trustRoots={old.file}") == (
        f"the certificate of its authority expired on {day(-2)}"
    )


@in_time
async def test_certificate_that_is_not_for_servers_is_told(authority, serve):
    server = serve(authority.certify("127.0.0.1", purpose=ExtendedKeyUsageOID.CLIENT_AUTH))
    assert await failure(f"tls:127.0.0.1:{server.port}:trustRoots={authority.file}") == (
        "its certificate is not made for servers"
    )


@in_time
async def test_server_that_is_no_chat_over_tls_is_told(start_daemon):
    daemon = start_daemon()
    assert await failure(f"tls:127.0.0.1:{daemon.port}") == NO_TLS


@pytest.mark.parametrize(
    ("greeting", "why"),
    [
        (b"", "it closed the connection before TLS began"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", NO_TLS),
        (b"220 mail.example ESMTP\r\n", NO_TLS),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", NO_TLS),
        (b"\xff\xfd\x18", "it closed the connection before TLS began"),
    ],
)
@in_time
async def test_server_that_speaks_something_else_is_told(greeting, why):
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            peer, _ = listening.accept()
            with peer:
                peer.sendall(greeting)
                peer.recv(65536)

        thread = threading.Thread(target=answer)
        thread.start()
        assert await failure(f"tls:127.0.0.1:{listening.getsockname()[1]}") == why
        thread.join()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@in_time
async def test_server_that_wants_a_certificate_is_told_and_gets_it(
    authority, serve, tmp_path, version
):
    server = serve(authority.certify("127.0.0.1"), clients=authority.file, most=version)
    where = f"tls:127.0.0.1:{server.port}:trustRoots={authority.file}"
    assert "wants a certificate of yours" in await failure(where)
    stranger = Authority(tmp_path, "another").certify(purpose=ExtendedKeyUsageOID.CLIENT_AUTH)
    assert await failure(f"{where}:certificate={stranger}") == (
        "it does not trust who vouches for your certificate"
    )
    mine = authority.certify(purpose=ExtendedKeyUsageOID.CLIENT_AUTH)
    assert await first_event(f"{where}:certificate={mine}") == Greeting(1)
    assert await first_event(f"{where}:certificate={mine}:privateKey={mine}") == Greeting(1)


# What is wrong with the string.


@in_time
async def test_what_cannot_be_used_is_a_value_error_that_says_why(authority, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").write_text("no certificate\n")
    own, another = authority.certify(), authority.certify()
    locked = tmp_path / "locked.key"
    locked.write_bytes(key_pem(ec.generate_private_key(ec.SECP256R1()), b"secret"))
    for options, why in (
        ("trustRoots=/nowhere", "/nowhere: No such file or directory"),
        (f"trustRoots={tmp_path}/empty", "/empty: no certificate (*.pem) is in that folder"),
        (f"trustRoots={tmp_path}/text", "/text: no certificate (PEM)"),
        ("certificate=/nowhere", "/nowhere: No such file or directory"),
        (f"certificate={own}:privateKey=/nowhere", "/nowhere: No such file or directory"),
        (f"certificate={own}:privateKey={another}", f"{another}: that is not the key of {own}"),
        (f"certificate={own}:privateKey={tmp_path}/text", "/text: no private key (PEM, "),
        (f"certificate={own}:privateKey={locked}", "locked.key: no private key (PEM, without a"),
        (f"certificate={authority.file}", "authority.pem: no private key (PEM, "),
    ):
        where = f"tls:127.0.0.1:1:{options}"
        with pytest.raises(ValueError, match=re.escape(why)) as raised:
            await connect(where)
        assert str(raised.value).startswith(f"{where!r}: ")


@in_time
async def test_string_that_does_not_parse_is_a_value_error_that_repeats_it():
    for where in (
        "tls:",
        "tls:127.0.0.1",
        "tls:127.0.0.1:x",
        "tls:127.0.0.1:1:colour=red",
        "tls:127.0.0.1:1:trustRoots=x\\",
        "tls:127.0.0.1:1\\",
        "tls:127.0.0.1:1:endpoint=nosuch\\:x",
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(repr(where))} is no endpoint: "):
            await connect(where)
    with pytest.raises(ValueError, match=r"'tls:a\.\.b:1': 'a\.\.b' is no name of a host"):
        await connect("tls:a..b:1")


@in_time
async def test_tls_that_looks_at_no_certificate_is_refused(authority, serve):
    server = serve(authority.certify("127.0.0.1"))
    for where in (
        f"ssl:127.0.0.1:{server.port}",
        f"tls:127.0.0.1:1:endpoint=ssl\\:127.0.0.1\\:{server.port}",
    ):
        with pytest.raises(ValueError, match="does not look whose certificate it is"):
            await connect(where)


# As a person sees it.


def test_chat_client_tells_it_in_one_line_and_says_nothing(authority, serve, client):
    server = serve(authority.certify())
    where = f"tls:127.0.0.1:{server.port}:trustRoots={authority.file}"
    process = piped(client(where), b"secret\n")
    assert ended(process, 1) == []
    assert process.err.text.startswith(
        f"chat-client: cannot join {where}: its certificate names no host "
    )


def test_chat_client_ends_with_2_for_a_string_that_cannot_be_used(client):
    process = piped(client("tls:127.0.0.1:1:trustRoots=/nowhere"), b"")
    assert ended(process, 2) == []
    assert process.err.text == (
        "chat-client: 'tls:127.0.0.1:1:trustRoots=/nowhere': /nowhere: No such file or directory\n"
    )


def test_chat_client_names_the_file_that_cannot_be_used_and_not_the_host(client):
    process = piped(client("--tls", "--ca=/nowhere", "127.0.0.1"), b"")
    assert ended(process, 2) == []
    assert process.err.text == "chat-client: /nowhere: No such file or directory\n"


def test_what_is_said_with_tls_goes_to_whom_it_is_meant_for(client, tls_daemon, tmp_path):
    ca = f"--ca={tmp_path}/authority.pem"
    for arguments in (
        ["--tls", ca, "127.0.0.1", tls_daemon.port],
        ["--tls", ca, f"127.0.0.1:{tls_daemon.port}"],
        [ca, f"tls:127.0.0.1:{tls_daemon.port}"],
        ["--ca=/nowhere", f"tls:127.0.0.1:{tls_daemon.port}:trustRoots={tmp_path}/authority.pem"],
    ):
        process = piped(client(*arguments), b"hello\n")
        tls_daemon.out.find(r"\] hello$")
        assert process.wait() == 0, process.err.text
        assert process.err.text == ""


def why(process: Process) -> str:
    """Return why a client on a pipe has not joined."""
    assert ended(process, 1) == []
    line = process.err.seen[-1]
    assert line.startswith("chat-client: cannot join 127.0.0.1 port ")
    return line.split(": ", 2)[2]


def test_each_failure_of_tls_is_one_plain_sentence(authority, serve, client, tmp_path, daemon):
    """As of a server that is known by its address; the library's tests above have more."""

    def join(port: int, *options: str) -> str:
        process = client("--tls", f"--ca={authority.file}", *options, "127.0.0.1", port)
        return why(piped(process, b"secret\n"))

    unknown = Authority(tmp_path, "unknown").certify("127.0.0.1")
    assert join(serve(unknown).port) == (
        "nobody whom this machine trusts vouches for its certificate: if you have the one of its "
        "authority, trust it by --ca FILE (tls:HOST:PORT:trustRoots=FILE)"
    )
    assert join(serve(authority.certify("chat.example")).port) == (
        "its certificate is for chat.example, not for 127.0.0.1"
    )
    assert join(serve(authority.certify("127.0.0.1", begins=-9, ends=-3)).port) == (
        f"its certificate expired on {day(-3)}"
    )
    assert join(serve(authority.certify("127.0.0.1", begins=3, ends=9)).port) == (
        f"its certificate is not valid before {day(3)}: is the clock of this machine right?"
    )
    assert join(serve(authority.certify()).port).startswith("its certificate names no host ")
    assert join(daemon.port) == NO_TLS


def test_who_has_no_certificate_reads_that_the_server_wants_one(
    authority, start_daemon, client, tmp_path
):
    clients = Authority(tmp_path, "clients")
    daemon = start_daemon(
        "--tls=0", f"--cert={authority.certify('127.0.0.1')}", f"--client-ca={clients.file}"
    )
    where = ["--tls", f"--ca={authority.file}", "127.0.0.1", daemon.port]
    assert why(piped(client(*where), b"secret\n")) == (
        "it wants a certificate of yours: --cert FILE --key FILE "
        "(tls:HOST:PORT:certificate=FILE:privateKey=FILE)"
    )
    purpose = ExtendedKeyUsageOID.CLIENT_AUTH
    other = authority.certify(purpose=purpose)
    assert why(piped(client(f"--cert={other}", *where), b"secret\n")) == (
        "it does not trust who vouches for your certificate"
    )
    mine = clients.certify(purpose=purpose)
    for options in ([f"--cert={mine}"], [f"--cert={mine}", f"--key={mine}"]):
        process = piped(client(*options, *where), b"hello\n")
        daemon.out.find(r"\] hello$")
        assert process.wait() == 0
    daemon.stop()
    assert "secret" not in daemon.out.text
    assert len(re.findall("entered", daemon.out.text)) == 2


def test_insecure_takes_any_server_and_says_so_at_each_start(
    authority, start_daemon, client, person
):
    file = authority.certify("chat.example", begins=-9, ends=-3)
    server = start_daemon("--tls=0", f"--cert={file}")
    words = (
        "! --insecure: nobody has looked whose server this is, and whoever is in between can read "
        "and change everything"
    )
    for where in (["--tls", "127.0.0.1", server.port], [f"tls:127.0.0.1:{server.port}"]):
        process = piped(client("--insecure", *where), b"")
        assert process.wait() == 0
        assert process.err.seen == [words]
    ann = person("--insecure", "--tls", "127.0.0.1", server.port, columns=200)
    ann.find(words)
    ann.find("Connected")


@pytest.mark.parametrize("way", ["--tls", "ssl:"])
def test_in_plain_against_a_tls_port_tls_is_thought_of(
    start_daemon, authority, client, person, way
):
    """The daemon closes a connection on which no handshake comes, without a byte."""
    file = authority.certify("127.0.0.1")
    options = {
        "--tls": ["--tls=tcp:0", f"--cert={file}"],
        "ssl:": [f"--listen=ssl:0:privateKey={file}:certKey={file}"],
    }
    daemon = start_daemon(*options[way], program=with_limits(TWISTD, HANDSHAKE=4.0))
    ann = person("127.0.0.1", daemon.port, columns=200)
    process = piped(client("127.0.0.1", daemon.port), b"secret\n")
    ann.find("! no greeting yet: is this a chat? perhaps TLS: try --tls")
    ann.find("it closed the connection without a greeting: is this a chat? perhaps TLS: try --tls")
    assert ann.wait() == 1
    assert why(process).endswith("is this a chat? perhaps TLS: try --tls")
    daemon.stop()
    assert not re.search("entered|secret", daemon.out.text)
