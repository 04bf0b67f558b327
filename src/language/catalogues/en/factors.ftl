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
