//! Passkeys: the verifier against an independent one, and ceremonies through the front door.

mod oracle;
