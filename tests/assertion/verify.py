"""Checks assertions with nothing but the published keys: JWKS-URL AUDIENCE ISSUER, and a token a line."""
import json, ssl, sys
import jwt

url, audience, issuer = sys.argv[1:4]
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
keys = jwt.PyJWKClient(url, ssl_context=context)
for line in sys.stdin:
    token = line.strip()
    try:
        key = keys.get_signing_key_from_jwt(token)
        options = {"require": ["exp", "iat", "nbf", "iss", "aud", "sub"], "verify_exp": True}
        claims = jwt.decode(token, key.key, algorithms=["ES256"], audience=audience, issuer=issuer, options=options)
        print(json.dumps({"ok": claims}), flush=True)
    except Exception as error:
        print(json.dumps({"error": type(error).__name__}), flush=True)
