"""The dashboard's doors: signing in and out, one page that holds all others, and the files that these are made of.

No inline script or style, no other host: the policy below says so to browsers, and Trusted Types keep our own scripts
from making HTML out of text.
"""

from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app, redirect, render_template, request
from werkzeug.wrappers import Response as Redirection

from relay.admin.dashboard.assets import Assets
from relay.admin.door import Door, same_site
from relay.admin.options import AdminOptions
from relay.admin.problems import Problem

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'"
)
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
PLACES = (
    "/",
    "/webhooks",
    "/webhooks/<path:_>",
    "/events",
    "/events/<path:_>",
    "/deliveries",
    "/deliveries/<path:_>",
    "/live",
    "/connections",
    "/keys",
)
"""Paths that the page in the browser knows how to show."""


def dashboard(rooms: AdminOptions) -> Blueprint:
    blueprint = Blueprint("dashboard", __name__, template_folder="templates")
    assets = Assets()

    @blueprint.after_request
    def guard(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    @blueprint.get(f"/assets/{assets.print}/<path:name>")
    def asset(name: str) -> Response:
        return assets.answer(name, request)

    def page(_: str = "") -> str | Redirection:
        guest = _door().guest(request)
        if guest is None:
            return redirect(f"/sign-in?next={request.path}" if request.path != "/" else "/sign-in", 303)
        return render_template("page.html", assets=assets, guest=guest, version=rooms.version)

    for place in PLACES:
        blueprint.add_url_rule(place, "page", page)
    _add_signing_in(blueprint, assets)
    return blueprint


def _add_signing_in(blueprint: Blueprint, assets: Assets) -> None:
    def form(wrong: str = "") -> str:
        return render_template("sign_in.html", assets=assets, wrong=wrong, next=_next())

    @blueprint.get("/sign-in")
    def ask() -> str | Redirection:
        return redirect(_next(), 303) if _door().guest(request) else form()

    @blueprint.post("/sign-in")
    def sign_in() -> Redirection | tuple[str, int]:
        if not same_site(request.headers, request.host):
            return form("Please sign in from this page."), 403
        response = redirect(_next(), 303)
        try:
            _door().sign_in(request, request.form.get("token", "").strip(), response)
        except Problem as problem:
            return form(_SENTENCES.get(problem.status, str(problem))), int(problem.status)
        return response

    @blueprint.post("/sign-out")
    def sign_out() -> Redirection:
        response = redirect("/sign-in", 303)
        if same_site(request.headers, request.host):
            _door().sign_out(request, response)
        return response


_SENTENCES = {
    401: "That token is not known here.",
    429: "Too many wrong tokens came from your address. Wait a minute, then try again.",
}


def _door() -> Door:
    door: Door = current_app.extensions["door"]
    return door


def _next() -> str:
    """Where to go after signing in: a path of ours, never another site."""
    wanted = request.values.get("next", "/")
    parts = urlsplit(wanted)
    is_ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and not (parts.scheme or parts.netloc)
    return wanted if is_ours else "/"
