"""The key that files are sealed with: one of the installation's own, or a self-signed one."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from asn1crypto import keys as asn1_keys
from asn1crypto import pem
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from pyhanko.sign.signers import SimpleSigner
from pyhanko_certvalidator.registry import SimpleCertificateStore

VALID_FOR = timedelta(days=3650)


@dataclass(frozen=True)
class Seal:
    """A private key and its certificate, both DER, and the certificates between it and its root."""

    private_key: bytes
    certificate: bytes
    chain: tuple[bytes, ...] = ()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, hexadecimal."""
        digest = hashes.Hash(hashes.SHA256())
        digest.update(self.certificate)
        return digest.finalize().hex()

    def signer(self) -> SimpleSigner:
        """What signs with it."""
        store: Any = SimpleCertificateStore()  # type: ignore[no-untyped-call]
        store.register_multiple([asn1_x509.Certificate.load(one) for one in self.chain])
        return SimpleSigner(
            signing_cert=asn1_x509.Certificate.load(self.certificate),
            signing_key=asn1_keys.PrivateKeyInfo.load(self.private_key),
            cert_registry=store,
        )

    def to_pem(self) -> tuple[str, str]:
        """Private key and certificate as text."""
        return (
            pem.armor("PRIVATE KEY", self.private_key).decode(),
            pem.armor("CERTIFICATE", self.certificate).decode(),
        )


def self_signed(name: str, now: datetime) -> Seal:
    """A new key (ECDSA, P-256) whose certificate it signs itself, good for ten years."""
    key = ec.generate_private_key(ec.SECP256R1())
    named = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name[:64])])
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(named)
        .issuer_name(named)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + VALID_FOR)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    return Seal(_private(key), certificate.public_bytes(serialization.Encoding.DER))


def from_pem(private_key: str, certificate: str) -> Seal:
    """The key that `to_pem` wrote."""
    return Seal(pem.unarmor(private_key.encode())[2], pem.unarmor(certificate.encode())[2])


def from_pkcs12(content: bytes, password: str) -> Seal:
    """The key of a PKCS #12 file.

    Raises:
        ValueError: the file or the password is wrong, or it has no key.
    """
    key, certificate, others = pkcs12.load_key_and_certificates(content, password.encode() or None)
    if key is None or certificate is None:
        raise ValueError("The PKCS #12 file has no key with a certificate.")
    der = serialization.Encoding.DER
    return Seal(_private(key), certificate.public_bytes(der), tuple(one.public_bytes(der) for one in others))


def _private(key: object) -> bytes:
    written: bytes = key.private_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return written
