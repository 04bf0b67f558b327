### Signing in and out, confirming, the set-up of the first user, and sign-in through providers.

## The sign-in page

sign-in-title = Sign in · { $host }
sign-in-heading = Sign in
# $host is the site that the browser goes on to.
sign-in-continue-to = to continue to { $host }
sign-in-no-users = Nobody can sign in yet, because this gateway has no users. When it was started, it printed a link for creating the first user: look in its terminal or its log. The link is valid for one hour; a restart prints a new one.
sign-in-no-accounts = Nobody has an account here yet. When this gateway was started, it printed a link for creating the first superuser: look in its terminal or its log. The link is valid for one hour; a restart prints a new one.
user-name = User name
password = Password
sign-in-remember = Keep me signed in on this device
# $time is a duration: “30 days”.
sign-in-remember-hint = For { $time }. Don’t use this on a shared device.
# $provider is the name of a service such as “Google”.
sign-in-with = Sign in with { $provider }
sign-in-wrong = Wrong user name or password.
sign-in-must-change-elsewhere = Your password has to be changed first, where your account is kept. Sign in here with the new one then.
sign-in-waiting-for-approval = Your account here waits for approval. Please try again later, or ask an administrator.
sign-in-no-account = Your password is right, but you have no account here. Please ask an administrator.

## Confirming who one is

confirm-title = Confirm it’s you · { $host }
confirm-heading = Confirm it’s you
confirm-password = You are signed in to { $host } as { $name }. Enter your password again to continue.
confirm-sign-in-again = You are signed in to { $host } as { $name }. Sign in again to continue.
confirm-with = Confirm with { $provider }
confirm-not-you = Not you? Sign out
confirm-wrong = Wrong password.

## Signing out

sign-out-title = Sign out · { $host }
sign-out-heading = Sign out?
sign-out-signed-in = You are signed in to { $host }.
sign-out-signed-in-as = You are signed in to { $host } as { $name }.
sign-out-hint = This ends your session in this browser, for everything on this host. Your sessions in other browsers and on other hosts stay open.
sign-out-stay = Stay signed in
signed-out = You have signed out.
signed-out-everywhere = You are signed out everywhere.

## The set-up of the first user

setup-title = Set up · { $host }
setup-heading = Welcome to Portcullis
setup-lead = Choose the name and password of the first superuser on { $host }. A superuser can open every page.
setup-again = Password, again
setup-create = Create superuser
setup-not-the-same = The two passwords are not the same.
setup-done = You are the first superuser. More users are added with “portcullis user add”.

## Sign-in through a provider

onward-title = Continue to { $provider } · { $host }
onward-heading = Continue to { $provider }
onward-lead = Your browser goes on by itself. If it doesn’t, use the button.
provider-waiting-title = Your account waits for approval
provider-waiting = An administrator has to approve it. Then you can sign in.
provider-unavailable-title = Sign-in isn’t possible right now
provider-unavailable = { $provider } isn’t answering. Please try again in a little while.
provider-unknown-title = Please start again
provider-unknown = This sign-in was started in another browser, has been used already, or took longer than ten minutes.
provider-taken-title = That sign-in is connected already
provider-taken = It belongs to another account. Sign in with that account, or ask an administrator.
provider-not-signed-in-title = You aren’t signed in
provider-refused = The sign-in with { $provider } was refused. If you need access, ask an administrator.
provider-denied = You did not agree at { $provider }.
provider-no-account = { $provider } knows you, but there is no account for you here. If you need access, ask an administrator.
provider-another-user = Another user is signed in at { $provider }. Confirm with the account that you are signed in with here.
provider-another-account = Use another account
back-to-sign-in = Back to sign-in

## A sign-in that goes from one host to another

please-sign-in = Please sign in
hand-over-failed = The sign-in could not be completed in this browser. Its link works once and for a minute only, and the browser has to accept cookies.
sent-signed-out = What you sent was not saved, because you were not signed in. Sign in, and then please send it again.
sent-unconfirmed = What you sent was not saved, because your password has to be confirmed first. Please send it again afterwards.
