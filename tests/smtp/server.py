"""A mail server that takes messages, puts them off, refuses them, quotes their link or says nothing, as the file MODE in its folder says.

    server.py FOLDER [plain | tls | starttls] [CERTIFICATE KEY]

With a file PASSWORD in its folder, it takes messages from the user `gateway` with that password alone. Prints its port. Each message that it takes becomes a file NUMBER.eml in the folder, with the recipient in the first line.
"""

import asyncio
import email
import email.policy
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

folder = pathlib.Path(sys.argv[1])
kind = sys.argv[2]
context = None
if kind != "plain":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3], sys.argv[4])


class Handler:
    def __init__(self):
        self.seen = 0
        self.taken = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.mode() == "refuse":
            return "550 5.1.1 nobody of this name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.seen += 1
        (folder / "seen").write_text(str(self.seen))
        if self.mode() == "later":
            return "451 4.7.1 try again later"
        if self.mode() == "quote":
            text = email.message_from_bytes(envelope.content, policy=email.policy.default)
            words = text.get_body(("plain",)).get_content().split()
            return "554 5.7.1 a link like a thief's: " + next(word for word in words if word.startswith("https://"))
        if self.mode() == "hang":
            await asyncio.sleep(3600)
        self.taken += 1
        temporary = folder / "new"
        temporary.write_bytes((", ".join(envelope.rcpt_tos) + "\n").encode() + envelope.content)
        temporary.rename(folder / f"{self.taken}.eml")
        return "250 OK"

    def mode(self):
        return (folder / "MODE").read_text().strip()


def authenticate(server, session, envelope, mechanism, data):
    right = (folder / "PASSWORD").read_bytes()
    is_right = isinstance(data, LoginPassword) and (data.login, data.password) == (b"gateway", right)
    return AuthResult(success=is_right, handled=False)


async def main():
    handler = Handler()
    login = {}
    if (folder / "PASSWORD").exists():
        login = {"authenticator": authenticate, "auth_required": True, "auth_require_tls": False}

    def protocol():
        starttls = {"tls_context": context, "require_starttls": True} if kind == "starttls" else {}
        return SMTP(handler, hostname="mail.localhost", enable_SMTPUTF8=True, **login, **starttls)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        protocol, "127.0.0.1", 0, ssl=context if kind == "tls" else None
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
