"""A ledger whose server is not there is said at once; retries are for one that was."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from streamkit.cli import run
from streamkit.delivery.ledger import Ledger
from streamkit.errors import DeliveryError

STARTING = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0"
STRANGER = b'SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user "test"\0\0'
GONE = b""


@contextmanager
def server(*answers: bytes) -> Iterator[tuple[str, Sequence[bytes]]]:
    """A PostgreSQL server that lets nobody in: its URL, and the answers it has given.

    The last answer is given again and again; an empty one ends the connection without a word.
    """
    given: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.recv(1024)
                answer = answers[min(len(given), len(answers) - 1)]
                given.append(answer)
                if answer:
                    connection.sendall(b"E" + (len(answer) + 4).to_bytes(4) + answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port = listening.getsockname()[1]
        yield f"postgresql://test@127.0.0.1:{port}/x?sslmode=disable&gssencmode=disable", given
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        pytest.param([GONE], "check that the database is up", id="nobody there"),
        pytest.param([STRANGER], "does not let this user in", id="a stranger"),
        pytest.param([STARTING, GONE], "check that the database is up", id="never started"),
    ],
)
@pytest.mark.parametrize("create", [True, False])
def test_opening_asks_once_unless_the_server_starts(
    answers: list[bytes], says: str, create: bool
) -> None:
    """Only a server that says it is starting is asked again."""
    with server(*answers) as (url, given):
        with pytest.raises(DeliveryError, match=says):
            Ledger(url, create=create)
        assert given == answers


def test_a_refused_connection_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    """One line that names the ledger, what the server said, and what to do."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # nobody listens
        url = f"postgresql://test:s3same@127.0.0.1:{unused.getsockname()[1]}/x"
        assert run(["status", "--ledger", url]) == 2
    said = capsys.readouterr().err
    assert "refused" in said
    assert "check that the database is up" in said
    assert "s3same" not in said
    assert len(said.splitlines()) == 1
