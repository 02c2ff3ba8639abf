"""TLS of a port that a process listens on, from the files that a section of the configuration names."""

import ssl

from proxy.config import schema
from proxy.supervisor.start import StartRefused


def listen_tls(section: schema.Tls | None, *, field: str = "listen.tls") -> ssl.SSLContext | None:
    """From the files as they are now. Raises StartRefused."""
    if section is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(section.certificate_file, section.key_file)
        if section.client_ca_file:
            context.load_verify_locations(section.client_ca_file)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as exc:
        named = ", ".join(filter(None, (section.certificate_file, section.key_file, section.client_ca_file)))
        raise StartRefused(f"{field}: {exc}: name PEM files that fit and can be read: {named}") from None
    return context
