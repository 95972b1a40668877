"""What a client believes of a tls+tcp server. There is no way not to check it."""

from __future__ import annotations

import os
import ssl

import pynng

SCHEME = "tls+tcp://"


def tls_config(url: str, ca: str | os.PathLike[str] | None, server_name: str | None) -> pynng.TLSConfig | None:
    """None for a URL without TLS."""
    if not url.startswith(SCHEME):
        if ca is not None or server_name is not None:
            raise ValueError(f"tls_ca and tls_server_name are for {SCHEME}host:port")
        return None
    path = os.fspath(ca) if ca is not None else _system_authorities()
    name = server_name or _host(url)
    # Without a name nng would take a certificate for any host.
    if not name:
        raise ValueError(f"{url} is not of the form {SCHEME}host:port")
    text = _authorities_read(path)
    try:
        return pynng.TLSConfig(
            pynng.TLSConfig.MODE_CLIENT,
            ca_string=text,
            server_name=name,
            auth_mode=pynng.TLSConfig.AUTH_MODE_REQUIRED,
        )
    except pynng.NNGException as error:
        raise ValueError(f"tls_ca: {path} has something that is no certificate in PEM") from error


def _system_authorities() -> str:
    path = ssl.get_default_verify_paths().cafile
    if path is None:
        raise ValueError("tls_ca: this system has no file of authorities; name one")
    return path


def _authorities_read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"tls_ca: {path} can't be read: {error}") from error
    if not text:
        raise ValueError(f"tls_ca: {path} is empty")
    return text


def _host(url: str) -> str:
    """Of HOST:PORT, where an IPv6 address is in brackets."""
    return url.removeprefix(SCHEME).rpartition(":")[0].removeprefix("[").removesuffix("]")
