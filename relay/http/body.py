"""A request's body as the application reads it: what goes wrong there is the peer's fault, and is answered so."""

from gevent.pywsgi import Input
from werkzeug.exceptions import BadRequest, HTTPException


class Body(Input):
    """pywsgi's input, with broken chunks, early ends and resets told as HTTP errors instead of OSErrors."""

    broken = False  # the rest of the stream cannot be trusted: no second request on it

    def read(self, length: int | None = None) -> bytes:
        try:
            return super().read(length)
        except HTTPException:
            self.broken = True
            raise
        except OSError as fault:
            self.broken = True
            raise BadRequest("The request's body is broken.") from fault

    def readline(self, size: int | None = None) -> bytes:
        try:
            return super().readline(size)
        except HTTPException:
            self.broken = True
            raise
        except OSError as fault:
            self.broken = True
            raise BadRequest("The request's body is broken.") from fault
