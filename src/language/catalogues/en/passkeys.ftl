### Passkeys: adding one, and signing in with one.

## The button, wherever a passkey can be used

passkey-use = Use a passkey
passkey-cancelled = No passkey was used. Try again, or go on another way.
passkey-known = This device has a passkey for your account already.
passkey-needs-script-here = Your passkey needs a browser with passkeys, and JavaScript.
passkey-wrong = That passkey didn’t sign you in. Try again, or go on another way.

## Adding a passkey

passkey-add-title = Add a passkey · { $host }
passkey-add-heading = Add a passkey
# $host is the name that the passkey is for.
passkey-add-lead = A passkey for { $host } signs you in with your fingerprint, your face or a PIN of your device, and can’t be given to a false page.
passkey-name = Name
passkey-name-hint = So that you can tell it from others later. If you leave it empty, it gets the name of its maker.
passkey-create = Create a passkey
passkey-add-back = Back to your second factors
passkey-added-title = Passkey added · { $host }
passkey-added-heading = Passkey added
passkey-added-lead = From now on you can use { $name } when you sign in.
passkey-added-codes = These are your recovery codes. Each of them works once in place of your passkey, should you lose it. Write them down or print this page: they are not shown again.
passkey-needs-script = This needs a browser with passkeys, and JavaScript. An authenticator app works without both.
passkey-not-added = That passkey could not be added. Please try again.
passkey-added-already = This passkey belongs to an account already.
passkey-too-many = You have as many second factors as an account may have. Remove one first.
passkey-name-invalid = A name has 1 to 64 characters on one line.
# The name of a passkey to which its owner has given none.
passkey-added-on = Passkey, added { $date }
