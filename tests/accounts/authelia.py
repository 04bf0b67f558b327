"""A users file of Authelia: hashes in its formats by passlib, argon2-cffi and bcrypt. The password of each user is the name
and `: grüner Apfel`."""

import argon2
import bcrypt
from passlib import hash as passlib

HASHES = {
    "argon2": lambda password: argon2.PasswordHasher(time_cost=3, memory_cost=65536, parallelism=4).hash(password),
    "sha512": passlib.sha512_crypt.using(rounds=50000).hash,
    "sha256": passlib.sha256_crypt.using(rounds=50000).hash,
    "legacy": lambda password: "{CRYPT}" + passlib.sha512_crypt.using(rounds=50000).hash(password),
    "pbkdf2": passlib.pbkdf2_sha512.using(rounds=310000).hash,
    "pbkdf2-sha256": passlib.pbkdf2_sha256.using(rounds=310000).hash,
    "scrypt": passlib.scrypt.using(rounds=16, block_size=8, parallelism=1).hash,
    "bcrypt": lambda password: bcrypt.hashpw(password.encode(), bcrypt.gensalt(6)).decode(),
}
print("---\nusers:")
for name, make in HASHES.items():
    print(f"  {name}:\n    disabled: false\n    displayname: 'By {name}'")
    print(f"    password: '{make(name + ': grüner Apfel')}'\n    email: {name}@example.com\n    groups:\n      - admins")
