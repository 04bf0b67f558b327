"""Verifies WebAuthn responses with python-fido2: one line of JSON each on standard input, one verdict each on standard output.

The first line holds the relying party, its origins, the challenge and the public keys of the credentials.
"""

import json
import sys

from fido2 import cbor
from fido2.cose import CoseKey
from fido2.server import Fido2Server
from fido2.utils import websafe_decode
from fido2.webauthn import AttestedCredentialData, PublicKeyCredentialRpEntity

setting = json.loads(sys.stdin.readline())
origins = set(setting["origins"])
server = Fido2Server(
    PublicKeyCredentialRpEntity(id=setting["rp_id"], name="test"),
    verify_origin=lambda origin: origin in origins,
)
state = {"challenge": setting["challenge"], "user_verification": "required"}
credentials = [
    AttestedCredentialData.create(
        bytes(16), websafe_decode(key["id"]), CoseKey.parse(cbor.decode(websafe_decode(key["cose"])))
    )
    for key in setting["credentials"]
]

for line in sys.stdin:
    case = json.loads(line)
    response = {
        "id": case["id"],
        "rawId": case["id"],
        "type": "public-key",
        "clientExtensionResults": {},
        "response": {"clientDataJSON": case["client_data"]},
    }
    try:
        if "attestation_object" in case:
            response["response"]["attestationObject"] = case["attestation_object"]
            server.register_complete(dict(state), response)
        else:
            response["response"]["authenticatorData"] = case["authenticator_data"]
            response["response"]["signature"] = case["signature"]
            server.authenticate_complete(dict(state), credentials, response)
        verdict = "accepted"
    except Exception as refused:  # Whatever it is that the library raises: the response is not accepted.
        verdict = f"refused {type(refused).__name__} {refused}".replace("\n", " ")
    print(verdict)
