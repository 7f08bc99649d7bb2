"""An instance of sigstore on this machine: an authority, its log of certificates, a log of signatures.

It speaks what sigstore's client speaks with the public instance, and signs with keys of its own, which `config` names.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

ISSUER = "https://accounts.example.org"
ISSUER_OID, TIMESTAMPS_OID = ObjectIdentifier("1.3.6.1.4.1.57264.1.1"), ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
SECRET = "the provider's, which the certificate authority knows, too"


def token(identity: str, *, issuer: str = ISSUER) -> str:
    """What the OpenID Connect provider gives to who has logged in as `identity`."""
    now = int(time.time())
    return jwt.encode({"iss": issuer, "sub": identity, "aud": "sigstore", "iat": now, "exp": now + 600}, SECRET)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


class Key:
    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        kinds = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        self.public = self.private.public_key().public_bytes(*kinds)
        self.id = hashlib.sha256(self.public).digest()

    def sign(self, data: bytes) -> bytes:
        return self.private.sign(data, ec.ECDSA(hashes.SHA256()))

    def as_log(self, url: str) -> dict[str, Any]:
        key = {"rawBytes": _b64(self.public), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": _since()}
        return {"baseUrl": url, "hashAlgorithm": "SHA2_256", "publicKey": key, "logId": {"keyId": _b64(self.id)}}


def _since() -> dict[str, str]:
    return {"start": (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")}


class Instance:
    """Its services, and the trust configuration that clients are given."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._ca, self._certificates, self._signatures = Key(), Key(), Key()
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority")])
        builder = self._builder(self._ca, self._name, timedelta(days=2)).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        builder = builder.add_extension(_key_usage(ca=True), critical=True)
        self._certificate = builder.sign(self._ca.private, hashes.SHA256())

    def config(self) -> dict[str, Any]:
        chain = {"certificates": [{"rawBytes": _b64(self._certificate.public_bytes(serialization.Encoding.DER))}]}
        subject = {"organization": "example", "commonName": "an authority"}
        service = {"url": self.url, "majorApiVersion": 1, "validFor": _since(), "operator": "example"}
        return {
            "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
            "trustedRoot": {
                "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
                "tlogs": [self._signatures.as_log(self.url)],
                "ctlogs": [self._certificates.as_log(self.url)],
                "certificateAuthorities": [
                    {"subject": subject, "uri": self.url, "certChain": chain, "validFor": _since()}
                ],
            },
            "signingConfig": {
                "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
                "caUrls": [service],
                "oidcUrls": [service],
                "rekorTlogUrls": [service],
                "rekorTlogConfig": {"selector": "ANY"},
                "tsaConfig": {"selector": "ANY"},
            },
        }

    def _builder(self, key: Key | ec.EllipticCurvePublicKey, name: x509.Name, lasts: timedelta) -> Any:
        now = datetime.now(UTC)
        public = key.private.public_key() if isinstance(key, Key) else key
        builder = x509.CertificateBuilder(subject_name=name, issuer_name=self._name, public_key=public)
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._ca.private.public_key())
        return (
            builder.serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(seconds=5))
            .not_valid_after(now + lasts)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(identifier, critical=False)
        )

    def certify(self, request: dict[str, Any], bearer: str) -> dict[str, Any]:
        """Fulcio's `signingCert`: a certificate for whom the token names, witnessed by the log of certificates."""
        claims = jwt.decode(bearer, SECRET, ["HS256"], audience="sigstore")
        wanted = x509.load_pem_x509_csr(base64.b64decode(request["certificateSigningRequest"]))
        public = wanted.public_key()
        assert isinstance(public, ec.EllipticCurvePublicKey)
        builder = (
            self._builder(public, x509.Name([]), timedelta(minutes=10))
            .add_extension(x509.SubjectAlternativeName([x509.RFC822Name(claims["sub"])]), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
            .add_extension(_key_usage(ca=False), critical=True)
            .add_extension(x509.UnrecognizedExtension(ISSUER_OID, claims["iss"].encode()), critical=False)
        )
        precertificate = builder.sign(self._ca.private, hashes.SHA256()).tbs_certificate_bytes
        stamp = x509.UnrecognizedExtension(TIMESTAMPS_OID, self._timestamp(precertificate))
        made = builder.add_extension(stamp, critical=False).sign(self._ca.private, hashes.SHA256())
        chain = [each.public_bytes(serialization.Encoding.PEM).decode() for each in (made, self._certificate)]
        return {"signedCertificateEmbeddedSct": {"chain": {"certificates": chain}}}

    def _timestamp(self, precertificate: bytes) -> bytes:
        """A list of one signed certificate timestamp (RFC 6962, 3.2 and 3.3), as a DER octet string."""
        now_ms = int(time.time() * 1000)
        entry = self._ca.id + struct.pack("!I", len(precertificate))[1:] + precertificate
        signature = self._certificates.sign(struct.pack("!BBQH", 0, 0, now_ms, 1) + entry + b"\0\0")
        stamp = b"\0" + self._certificates.id + struct.pack("!QHBBH", now_ms, 0, 4, 3, len(signature)) + signature
        listed = struct.pack("!HH", len(stamp) + 2, len(stamp)) + stamp
        return bytes([0x04, 0x81, len(listed)]) + listed if len(listed) > 127 else bytes([0x04, len(listed)]) + listed

    def witness(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Rekor's `log/entries`: the entry is the only one of a log, whose head is signed."""
        body = json.dumps(entry, sort_keys=True).encode()
        root, now_s = hashlib.sha256(b"\0" + body).digest(), int(time.time())
        promised = {"body": _b64(body), "integratedTime": now_s, "logID": self._signatures.id.hex(), "logIndex": 0}
        promise = self._signatures.sign(json.dumps(promised, sort_keys=True, separators=(",", ":")).encode())
        note = f"a log\n1\n{_b64(root)}\n"
        head = f"{note}\n— log {_b64(self._signatures.id[:4] + self._signatures.sign(note.encode()))}\n"
        proof = {"checkpoint": head, "hashes": [], "logIndex": 0, "rootHash": root.hex(), "treeSize": 1}
        return {"a": {**promised, "verification": {"inclusionProof": proof, "signedEntryTimestamp": _b64(promise)}}}


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    names = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    rest = dict.fromkeys((*names, "encipher_only", "decipher_only"), False)
    return x509.KeyUsage(digital_signature=not ca, key_cert_sign=ca, crl_sign=ca, **rest)


@contextmanager
def instance() -> Iterator[Instance]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
            answer = made.certify(body, bearer) if self.path == "/api/v2/signingCert" else made.witness(body)
            data = json.dumps(answer).encode()
            self.send_response(201)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            del args

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made = Instance(f"http://127.0.0.1:{server.server_port}")
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield made
        finally:
            server.shutdown()
