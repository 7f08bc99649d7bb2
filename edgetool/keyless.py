"""Sign bundles without a key of one's own (sigstore), and verify who signed them (extra: sigstore).

Signing makes a key for this one signature. sigstore's authority binds it for ten minutes to an identity that an
OpenID Connect provider vouches for; sigstore's log witnesses that the signature was made in these minutes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from edgetool.bundles import KEYLESS_SIGNATURE, MANIFEST
from edgetool.errors import BuildError, ConfigError, EdgetoolError
from edgetool.platform.documents import read_limited
from edgetool.platform.files import write_atomically
from edgetool.platform.foreign import one_line
from edgetool.platform.values import value

if TYPE_CHECKING:
    from sigstore.models import ClientTrustConfig
    from sigstore.oidc import IdentityToken

INSTALL = 'pip install "edgetool[sigstore]"'
CONFIG = "EDGETOOL_TRUST_CONFIG"  # a file: another instance than the public one, or one that was fetched before
OFFLINE = "SIGSTORE_OFFLINE"  # this and the next are sigstore's own
TOKEN = "SIGSTORE_IDENTITY_TOKEN"
LIMIT_BYTES = 256 * 1024
TIMEOUT_S = 120.0  # sigstore's client waits for its services without a limit


@value
class Signer:
    """Who must have signed a bundle by sigstore."""

    identity: str  # an e-mail address, or the URL of a workflow in CI
    issuer: str  # URL of the OpenID Connect provider that vouched for the identity


def sign_keyless(root: Path) -> Path:
    """Sign the manifest by the identity that CI, $SIGSTORE_IDENTITY_TOKEN or a login in the browser proves.

    Returns the signature's path. The identity becomes public in the instance's log. Raises ConfigError.
    """
    with _explained("cannot sign by sigstore", ConfigError, hint="sign with an SSH key instead: --sign KEY"):
        from sigstore.sign import SigningContext

        config = _trust_config()
        token = _identity_token(config)
        manifest = (root / MANIFEST).read_bytes()

        def sign() -> str:
            with SigningContext.from_trust_config(config).signer(token) as signer:
                return signer.sign_artifact(manifest).to_json()

        write_atomically(root / KEYLESS_SIGNATURE, _within(TIMEOUT_S, sign).encode())
    return root / KEYLESS_SIGNATURE


def check_keyless(root: Path, wanted: Signer) -> str:
    """Verify a bundle's signature by sigstore and return the signer's name.

    Raises ConfigError when sigstore or its trust root can't be had, BuildError when `wanted` didn't sign the bundle.
    """
    signature = root / KEYLESS_SIGNATURE
    if signature.is_symlink() or not signature.is_file():
        raise BuildError(
            f"bundle {root} is not signed by sigstore", hint="sign it with `edgetool package --sign sigstore`"
        )
    if signature.stat().st_size > LIMIT_BYTES:
        raise BuildError(f"{signature} is not a signature: it is larger than {LIMIT_BYTES >> 10} KiB")
    offline = f"offline, set {OFFLINE}=1 to use the trust root that was fetched last"
    with _explained("cannot verify by sigstore", ConfigError, hint=offline):
        from sigstore.models import Bundle
        from sigstore.verify import Verifier, policy

        verifier = Verifier(trusted_root=_trust_config().trusted_root)
    with _explained(f"bundle {root} is not signed by {wanted.identity} of {wanted.issuer}", BuildError):
        verifier.verify_artifact(
            (root / MANIFEST).read_bytes(),
            Bundle.from_json(signature.read_bytes()),
            policy.Identity(identity=wanted.identity, issuer=wanted.issuer),
        )
    return wanted.identity


def _trust_config() -> ClientTrustConfig:
    from sigstore.models import ClientTrustConfig

    if path := os.environ.get(CONFIG):
        return ClientTrustConfig.from_json(read_limited(Path(path), ConfigError).decode())
    return ClientTrustConfig.production(offline=bool(os.environ.get(OFFLINE)))


def _identity_token(config: ClientTrustConfig) -> IdentityToken:
    from sigstore.oidc import IdentityToken, Issuer, detect_credential

    if token := os.environ.get(TOKEN) or detect_credential():
        return IdentityToken(token)
    if not (sys.stdin and sys.stdin.isatty()):
        raise ConfigError("sigstore asks who signs, and nobody is at a terminal", hint=f"set {TOKEN}")
    return Issuer(config.signing_config.get_oidc_url()).identity_token()


@contextmanager
def _explained(what: str, kind: type[EdgetoolError], *, hint: str | None = None) -> Iterator[None]:
    """Turn whatever sigstore raises into an error of ours: it passes on what its parsers and its network raise."""
    try:
        yield
    except EdgetoolError:
        raise
    except ModuleNotFoundError as error:
        raise ConfigError("sigstore is not installed", hint=INSTALL) from error
    except Exception as error:
        reason = one_line(str(error) or type(error).__name__, 300)
        raise kind(f"{what}: {reason}", hint=hint) from error


def _within(seconds: float, call: Callable[[], str]) -> str:
    """Call a function in a thread that is given up after so many seconds. Raises TimeoutError."""
    done: Future[str] = Future()

    def run() -> None:
        try:
            done.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised again in the calling thread
            done.set_exception(error)

    Thread(target=run, daemon=True).start()
    return done.result(seconds)
