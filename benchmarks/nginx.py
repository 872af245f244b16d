"""A receiver that costs next to nothing: nginx, one process, with a configuration and a certificate of its own."""

import shutil
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from ipaddress import ip_address
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from benchmarks.processes import Child, free_ports

CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log error;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  client_body_temp_path {folder}/bodies;
  proxy_temp_path {folder}/proxied;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{plain};
    location / {{ return 200 "ok"; }}
    location = /counter {{ stub_status; }}
  }}
  server {{
    listen 127.0.0.1:{tls} ssl;
    ssl_certificate {folder}/certificate.pem;
    ssl_certificate_key {folder}/key.pem;
    location / {{ return 200 "ok"; }}
  }}
}}
"""


class Nginx:
    """`with Nginx(folder) as nginx: … nginx.plain, nginx.tls, nginx.counter`."""

    def __init__(self, folder: Path) -> None:
        plain, tls = free_ports(2)
        self._folder = folder
        self._ports = {"plain": plain, "tls": tls}
        self.plain = f"http://127.0.0.1:{plain}"
        self.tls = f"https://127.0.0.1:{tls}"
        self.ca_file = folder / "certificate.pem"
        self.counter = f"127.0.0.1:{plain}"

    def __enter__(self) -> Self:
        program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin")
        if program is None:
            raise SystemExit("nginx is not installed; it receives the callbacks (Debian: nginx-light)")
        _certify(self._folder)
        settings = self._folder / "nginx.conf"
        settings.write_text(CONFIGURATION.format(folder=self._folder, **self._ports))
        self._child = Child([program, "-c", str(settings), "-e", str(self._folder / "nginx.log")], self._folder)
        self._child.__enter__()
        self._child.listens_on(self._ports["plain"])
        self._count = Counter(self.counter)
        return self

    def __exit__(self, *_: object) -> None:
        self._child.__exit__()

    def requests(self) -> int:
        """How many there were so far; those of others who look at the counter are among them."""
        return self._count.requests()


class Counter:
    """nginx' own count of requests, without those that this counter made."""

    def __init__(self, address: str) -> None:
        self._connection = HTTPConnection(address)
        self.own = 0

    def requests(self) -> int:
        self._connection.request("GET", "/counter")
        lines = self._connection.getresponse().read().splitlines()
        self.own += 1
        return int(lines[2].split()[2]) - self.own


def _certify(folder: Path) -> None:
    """A key and a certificate that vouches for itself, for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay's benchmark")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(pem))
