### Mails: links, and notices of changes of an account.

# $site is the gateway as its address names it: “login.example.com”. $name is a user name, $time a duration.
mail-once = It can be used once, within { $time }.
mail-nothing-to-do = If it was not you, you need not do anything.

mail-reset-subject = Set a new password for { $site }
mail-reset = Somebody asked for a new password for the account “{ $name }” on { $site }. If that was you, open this link.
mail-reset-link = Set a new password
mail-reset-after = If it was not you, you need not do anything: your password stays as it is.

mail-invitation-subject = You are invited to { $site }
mail-invitation = There is an account “{ $name }” for you on { $site }. Open this link to choose its password.
mail-invitation-link = Choose a password
mail-invitation-after = If you don’t know what this is about, you need not do anything.

mail-registration-subject = Finish your registration at { $site }
mail-registration = Somebody wants to make an account with this address on { $site }. If that was you, open this link to choose a name and a password.
mail-registration-link = Finish the registration
mail-registration-after = If it was not you, you need not do anything: no account is made.

mail-known-subject = You have an account at { $site } already
mail-known = Somebody wanted to make an account with this address on { $site }. There is one already: “{ $name }”. If you have forgotten its password, you can set a new one.
mail-known-link = Forgotten password

mail-elsewhere-subject = Your password for { $site }
# $backends names the services at which the person signs in.
mail-elsewhere = Somebody asked for a new password for the account “{ $name }” on { $site }. Your password is not kept here. You sign in with { $backends }, and that is where it can be changed.

mail-email-subject = Confirm your new address for { $site }
mail-email = Somebody wants this address to be that of the account “{ $name }” on { $site }. If that was you, open this link, and sign in as “{ $name }”.
mail-email-link = Confirm the address
mail-email-after = If it was not you, you need not do anything: nothing changes.

mail-email-changed-subject = Your address for { $site } was changed
# $address is the new address.
mail-email-changed = The account “{ $name }” on { $site } has another address now: { $address }. Mail goes there from now on.
mail-undo = If that was not you, open this link. It brings this address back, signs everybody out, and lets you set a new password.
mail-undo-link = Undo the change

mail-approved-subject = Your account at { $site } is ready
mail-approved = Your account “{ $name }” on { $site } was approved. You can sign in now.

## Notices

mail-notice-subject = Your account at { $site } was changed
mail-new-device-subject = New sign-in to your account at { $site }
# $what is one of the sentences below.
mail-notice = This is about the account “{ $name }” on { $site }. { $what }
mail-password-changed = It has a new password.
# $factor is the name that the person has given to it.
mail-factor-added = A second factor was added: { $factor }.
mail-factor-removed = A second factor was removed: { $factor }.
# $factors are names, with commas.
mail-factors-removed-by-operator = An administrator has removed second factors from it: { $factors }. You were signed out everywhere.
mail-recovery-code-used = A recovery code was used to sign in. { $left ->
    [0] It was the last one. Make new ones on your account page.
    [one] One is left.
   *[other] { $left } are left.
}
mail-passkey-may-be-copied = Your passkey “{ $name }” was used, and its count of uses did not go up. It may have been copied. If you did not use it, remove it.
mail-recovery-codes-made = New recovery codes were made. The old ones are void.
mail-new-device = Somebody signed in on a device that was not used before.
mail-notice-email-changed = It has another address: { $address }.
# $token is the name that the person has given to it.
mail-token-made = A token for programs was made: { $token }.
mail-token-removed = A token for programs was removed: { $token }.
# $date is a point in time, $device a browser and a system.
mail-cause = It happened on { $date }, with { $device }.
# $address is a network address.
mail-cause-from = It happened on { $date }, from { $address }, with { $device }.
# $link is the address of the account page.
mail-notice-after = If that was you, you need not do anything. If not, change your password and end the other sessions at { $link }, and tell an administrator.
mail-factors-removed-after = If you did not ask for this, tell an administrator.

## For operators

mail-approval-subject = { $name } waits for approval at { $site }
mail-approval = Somebody who receives mail at { $address } has registered as “{ $name }” on { $site }, and waits for approval.
# $command is a line for the terminal.
mail-approval-command = To approve: { $command }
mail-refusal-command = To refuse: { $command }
mail-test-subject = Mail from { $site } works
mail-test = An operator of { $site } has sent this message to see whether mail works. It does.
