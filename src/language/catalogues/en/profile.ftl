### The pages below the account: the profile, the activity, the download of one’s data.

profile-title = Your profile · { $host }
profile-heading = Your profile
profile-lead = of { $name } on { $host }
profile-full-name = Full name
profile-name-elsewhere = Your name comes from the place where your account is kept.
profile-by-operators = An administrator changes this.
# An empty choice in a list.
profile-no-value = None
# $value is what the user has: a value that the definition of the field no longer allows.
profile-unfit = “{ $value }” is no longer offered. It stays until you choose another value.
profile-save = Save
profile-changed = Your profile has been changed.
profile-not-a-line = A full name has at most 200 characters, and no line breaks.
profile-missing = { $field }: please enter a value.
profile-no-line = { $field }: please enter one line of at most 1,024 characters.
profile-no-choice = { $field }: please choose one of the values.
profile-no-number = { $field }: please enter a number, such as 42 or -1.5.
profile-no-date = { $field }: please enter a day, such as 2026-11-30.

## What the gateway knows about the user

data-heading = Your data
data-hint = Everything that is known about you here, as a file for programs: your profile, sessions, connected sign-ins and activity. It contains no password.
data-download = Download your data

## Activity

activity-title = Your activity · { $host }
activity-heading = Your activity
activity-lead = The last sign-ins to your account, and changes of it
activity-none = Nothing has happened yet.
activity-hint = If you do not recognise something, change your password and sign out everywhere.
activity-place = { $host } from { $address }
activity-signed-in = Signed in
activity-other = Something else
activity-profile-changed = Profile changed
activity-data-downloaded = Data downloaded
activity-password-changed = Password changed
activity-factor-added = Second factor added
activity-factor-removed = Second factor removed
activity-recovery-code-used = Recovery code used
activity-recovery-codes-made = New recovery codes made
activity-new-device = First sign-in on this device
activity-email-changed = Email address changed
activity-token-made = Token for programs made
activity-token-removed = Token for programs removed
activity-operator-added = Account made by an administrator
activity-operator-changed = Account changed by an administrator
activity-operator-password-changed = Password set by an administrator
activity-operator-enabled = Account enabled by an administrator
activity-operator-disabled = Account disabled by an administrator
activity-operator-linked = Sign-in connected by an administrator
activity-operator-unlinked = Sign-in disconnected

# The step of a sign-in at which somebody fills in what the operator requires
fields-step-title = Your details · { $host }
fields-step-heading = Complete your profile
fields-step-why = This is needed before you go on.
fields-step-save = Save and go on
