"""The door: a program shows a token, a browser the session of somebody who has shown one.

A session stands for its token: what revokes the token ends the session. A request that changes something must also
show the session's proof, which only our own pages know; so no other site can make a browser act.
"""

from hmac import compare_digest

from flask import Request
from msgspec import Struct
from werkzeug.datastructures import Headers
from werkzeug.wrappers import Response

from relay.admin.doorkeeper import Doorkeeper, client_address
from relay.admin.endpoints import Caller
from relay.admin.options import AdminOptions
from relay.admin.problems import Problem
from relay.core.apikey import TOKEN_BYTES, hash_token, make_token
from relay.store.sessions import Session, Sessions

COOKIE = "relay_session"
PROOF = "X-Relay-Proof"
LONGEST_S = 7 * 86400.0
"""After so long everybody signs in anew."""
HARMLESS = frozenset({"GET", "HEAD", "OPTIONS"})


class Guest(Struct, frozen=True):
    """Somebody at the dashboard."""

    caller: Caller
    session: Session


class Door:
    """One for the process."""

    def __init__(self, rooms: AdminOptions, doorkeeper: Doorkeeper, sessions: Sessions) -> None:
        self._rooms = rooms
        self._doorkeeper = doorkeeper
        self._sessions = sessions

    def __repr__(self) -> str:
        return f"<Door with {self._doorkeeper!r}>"

    def admit(self, request: Request) -> Caller:
        """Who asks. Raises Problem (401, 403, 429), StoreAway."""
        authorization = request.headers.get("Authorization")
        guest = self.guest(request) if authorization is None else None
        if guest is None:
            return self._doorkeeper.admit(authorization, address_of(request))
        shown = request.headers.get(PROOF, "")
        if request.method not in HARMLESS and not compare_digest(shown.encode(), guest.session.proof.encode()):
            raise Problem(403, "forbidden", "This request does not come from the dashboard. Reload the page.")
        return guest.caller

    def guest(self, request: Request) -> Guest | None:
        """Whose session the browser shows, if it is one. Raises StoreAway."""
        cookie = request.cookies.get(_cookie_of(request))
        session = self._sessions.find(hash_token(cookie)) if cookie else None
        if session is None or self._rooms.now() - session.made_at > LONGEST_S:
            return None
        caller = self._doorkeeper.caller(session.token_hash)
        return Guest(caller, session) if caller else None

    def sign_in(self, request: Request, token: str, response: Response) -> None:
        """Lets `response` bring a session to whoever shows a right token. Raises Problem (401, 429), StoreAway."""
        self._doorkeeper.admit(f"Bearer {token}", address_of(request))
        cookie, proof = (make_token(self._rooms.dice(TOKEN_BYTES)) for _ in range(2))
        session = Session(token_hash=hash_token(token), proof=proof, made_at=self._rooms.now())
        self._sessions.add(hash_token(cookie), session)
        response.set_cookie(
            _cookie_of(request), cookie, httponly=True, secure=is_secure(request), samesite="Lax", path="/"
        )

    def sign_out(self, request: Request, response: Response) -> None:
        """Raises StoreAway."""
        if cookie := request.cookies.get(_cookie_of(request)):
            self._sessions.end(hash_token(cookie))
        response.delete_cookie(_cookie_of(request), httponly=True, secure=is_secure(request), samesite="Lax", path="/")


def address_of(request: Request) -> str:
    return client_address(request.remote_addr or "", request.headers.get("X-Forwarded-For"))


def is_secure(request: Request) -> bool:
    """A platform's router ends TLS before us and says so."""
    return request.is_secure or request.headers.get("X-Forwarded-Proto", "").rpartition(",")[2].strip() == "https"


def same_site(headers: Headers, host: str) -> bool:
    """Whether a form comes from a page of ours; old browsers don't say, and are believed."""
    origin = headers.get("Origin")
    fetched = headers.get("Sec-Fetch-Site", "same-origin")
    return fetched in {"same-origin", "none"} and (origin is None or origin.partition("://")[2] == host)


def _cookie_of(request: Request) -> str:
    """Behind TLS the name itself makes browsers insist on our host and on TLS."""
    return f"__Host-{COOKIE}" if is_secure(request) else COOKIE
