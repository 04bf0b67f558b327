### Forgotten passwords, registration, invitations, and the address of an account.

email-address = Email address
full-name = Full name
full-name-hint = As others will read it. You may leave it empty.
password-once-more = Password, again

## A mail is on its way

mail-sent-title = Check your mail
# The same whether or not there is such an account.
reset-sent = If there is an account for what you typed, a mail with a link is on its way to its address. The link is good for half an hour.
register-sent = A mail with a link is on its way to this address, if an account can be made with it. The link is good for a day.
email-sent = A mail with a link is on its way to { $address }. The address is yours as soon as you have opened it.

## Forgotten password

reset-title = Forgotten password · { $host }
reset-heading = Forgotten password
reset-lead = You get a mail with a link for a new password on { $host }.
reset-account = User name or email address
reset-send = Send the link
reset-no-mail = This gateway sends no mail. Ask an administrator for a link for a new password.
reset-missing = Type your user name or your email address.
forgotten-password = Forgotten your password?

## A password by a link

new-password-title = New password · { $host }
new-password-heading = Set a new password
new-password-lead = for { $name } on { $host }
new-password-set = Set the password
new-password-done = Your password has been changed. Sign in with it now.
invite-title = Welcome · { $host }
invite-heading = Welcome to { $host }
invite-lead = Your user name is { $name }. Choose a password for it.
invite-done = Your account is ready. Sign in now.

## A link that does nothing

link-void-title = This link is not valid
link-void = It has been used already, has expired, or something has changed since it was made. You can ask for a new one.
link-void-invitation = It has been used already, has expired, or something has changed since it was made. Ask the person who invited you for a new one.
link-address-taken = Another account has this address.

## Registration

register-title = Register · { $host }
register-heading = Register
register-lead = You get a mail with a link, with which you finish your registration on { $host }.
register-lead-invitation = Accounts on { $host } are made by invitation. If you were invited and have lost the link, you get a new one by mail.
register-send = Send the link
register-address-wrong = This is not an email address that mail can be sent to.
# $domains lists the domains: “example.com, example.org”.
register-domains = Only addresses of these domains can be registered: { $domains }.
register-finish-heading = Finish your registration
register-finish-lead = for { $address } on { $host }
register-name-hint = The letters a to z, digits and . _ - + are possible. You sign in with it, and others see it.
register-name-taken = This name is taken. Please choose another one.
register-name-plain = Use the letters a to z without accents, digits and . _ - + in the name, and begin with a letter or a digit. An email address can be the name only if it is your own.
register-make = Make the account
register-done = Your account is ready. Sign in now.
register-waiting-title = Your account waits for approval
register-waiting = An administrator has to approve it. You get a mail then, and can sign in.
register-too-many = Too many accounts wait for approval at the moment. Please try again later.
register-instead = No account yet? Register

## The address of an account

email-title = Email address · { $host }
email-heading = Your email address
email-current = Your address is { $address }.
email-none = You have no address yet.
email-unverified = It has not been confirmed.
email-new = New email address
email-send = Send a link to the new address
email-hint = The address changes when you open the link that is sent to it. A message about it goes to the old address.
email-same = This is your address already.
email-too-often = You have asked for too many links. Please try again in an hour.
# $provider is the name of a service.
email-elsewhere = Your address comes from { $provider }. Change it there.
email-change = Change
confirm-email-title = Confirm the address · { $host }
confirm-email-heading = Confirm your new address
confirm-email-lead = { $address } becomes the address of the account { $name }.
confirm-email-button = Confirm the address
confirm-email-other = This link is for the account of somebody else, or is not valid any more. Sign in with the account whose address you have changed.
email-changed = Your email address has been changed.
undo-email-title = Undo the change · { $host }
undo-email-heading = Undo the change of your address
undo-email-lead = { $address } becomes the address of the account { $name } again. Everybody is signed out, and you set a new password.
undo-email-button = Undo the change
undo-email-done = Your former address is back, and you are signed out everywhere.
