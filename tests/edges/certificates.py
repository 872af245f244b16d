"""An authority of the tests' own and what it signs, made anew for each run."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)

Key = ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Authority:
    """Its own certificate is in `ca_file`, for clients to trust."""

    folder: Path
    key: Key
    name: x509.Name

    @property
    def ca_file(self) -> str:
        return str(self.folder / "ca.pem")

    def serving(self, host: str, *, until: timedelta = DAY, signed: bool = True) -> ssl.SSLContext:
        """A server's context for `host`. `until`: from now; not `signed`: by nobody but itself."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(host)
        certificate = _certificate(name, key, until).add_extension(
            x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False
        )
        issuer, signer = (self.name, self.key) if signed else (name, key)
        file = self.folder / f"{host}-{until.days}-{signed}.pem"
        file.write_bytes(_pem(key) + _sign(certificate, issuer, signer))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


def make_authority(folder: Path) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("tests")
    certificate = _certificate(name, key, DAY).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    (folder / "ca.pem").write_bytes(_sign(certificate, name, key))
    return Authority(folder, key, name)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _certificate(name: x509.Name, key: Key, until: timedelta) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 30 * DAY)
        .not_valid_after(now + until)
    )


def _sign(certificate: x509.CertificateBuilder, issuer: x509.Name, key: Key) -> bytes:
    return certificate.issuer_name(issuer).sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _pem(key: Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
