### Second factors: authenticator apps and recovery codes, at sign-in and on the account's page.

## The second step of a sign-in

second-step-title = Second step · { $host }
second-step-heading = Second step
# $site is the site that the browser goes on to.
second-step-lead = Signing in as { $name }, to continue to { $site }
factor-code = Code of your authenticator app
factor-code-hint = Six digits. They change every 30 seconds.
recovery-use = I don’t have my device: use a recovery code
recovery-code = Recovery code
recovery-code-hint = Ten characters, such as ABCDE-FGH23. Each code works once.
second-step-again = Start again
factor-wrong-code = That code isn’t right. A code of an app changes every 30 seconds and works once.
sign-in-expired = The sign-in took too long. Please start again.
sign-in-too-many-codes = Too many wrong codes. Please sign in again from the start.

## A page that asks for a second factor

confirm-factor = You are signed in to { $host } as { $name }. Show your second factor to continue.
confirm-needs-factor = You are signed in to { $host } as { $name }.
confirm-no-factor = This page asks for a second factor, and you have none yet.
confirm-no-such-factor = This page asks for a second factor of a kind that you have not added.
confirm-ask-administrator = Please ask an administrator.
factor-add = Add a second factor
refused-factor-title = Please show a second factor
refused-factor = For this you have to prove in another way that it’s you.
refused-factor-link = Confirm that it’s you

## The page of one's own second factors

factors-title = Second factors · { $host }
factors-heading = Second factors
factors-lead = With a second factor, your password alone lets nobody in.
factors-required = Your account needs a second factor. Please add one.
factors-own = Your second factors
factors-none = None yet.
factors-back = Back to your account
factor-app = Authenticator app
factor-passkey = Passkey
passkey-synced = synced
# $date and $used are points in time.
factor-added = Added { $date }
factor-added-used = Added { $date }, used { $used }
factor-change = Rename or remove
factor-name = Name
factor-name-hint = To tell your devices apart, such as “Phone”.
factor-rename = Rename
factor-remove = Remove
factor-end-others = Sign out everywhere else
factor-wrong-name = A name has 1 to 64 characters on one line.
factor-last-way-in = You could not sign in any more without this one. Add another one first.
factor-last-required = Your account needs a second factor, and this is the only one. To remove it, add another one first.
factor-was-added = The second factor is added. From now on it is asked for when you sign in.
factor-was-removed = The second factor is removed.
factor-was-renamed = The name is changed.

## Adding an authenticator app

factor-add-app = Add an authenticator app
factor-app-name = Authenticator app
add-app-title = Add an authenticator app · { $host }
add-app-heading = Add an authenticator app
add-app-lead = for { $name } on { $host }
add-app-required = Your account on { $host } needs a second factor. Set it up now to go on.
enrol-title = Add a second factor · { $host }
add-app-scan = Scan this code with an authenticator app, such as Aegis, FreeOTP, Google Authenticator or a password manager.
add-app-qr = QR code for the authenticator app
add-app-type = Or type this key into the app:
add-app-open = Open in an app on this device
add-app-submit = Add
add-app-cancel = Back to your second factors
factor-wrong-first-code = That code isn’t right. Is the clock of your device right? Type the code that the app shows now.
factor-secret-expired = The QR code has expired. Please scan the new one.
factor-too-many = You have as many second factors as an account may have. Remove one first.

## Recovery codes

recovery-codes = Recovery codes
recovery-codes-title = Recovery codes · { $host }
recovery-codes-lead = for { $name } on { $host }
recovery-codes-once = Print or write down these codes now. They are not shown again.
recovery-codes-hint = If you lose your device, sign in with one of these codes instead. Each works once. New codes make the old ones void.
recovery-codes-kept = I have kept the codes
recovery-codes-left = { $count ->
    [one] { $count } code is left.
   *[other] { $count } codes are left.
}
recovery-codes-new = Make new codes
account-factors = Second factors
