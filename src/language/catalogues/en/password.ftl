### Changing one’s password, and what a new password has to be.

password-title = Change password · { $host }
password-heading = Change password
password-lead = for { $name } on { $host }

## The step of a sign-in at which a password has to be changed

password-step-title = New password · { $host }
password-step-heading = Choose a new password
password-step-why = Your password has to be changed before you go on. Nobody but you should know it.
password-step-set = Set the password and go on

## The form

password-current = Current password
password-new = New password
password-again = New password, again
password-hint = At least 8 characters, and not easy to guess. A few unrelated words make a good one.
password-change = Change password
password-changed = Your password has been changed. Your other sessions have ended.
password-wrong = The current password is wrong.
password-not-the-same = The two new passwords are not the same.
password-unchanged = The new password is the same as the current one.

## What is wrong with a new password; several of these stand one after the other.

two-sentences = { $first } { $second }
weak-empty = The password is empty.
weak-too-long = The password has more than { $most } characters.
weak-nul = The password contains a NUL character.
weak-too-short-better = The password is too short: it needs at least { $least } characters, better 15.
weak-too-short = The password is too short: it needs at least { $least } characters.
weak-too-short-alone = The password is too short: without a second factor it needs at least { $least } characters.
weak-numeric = The password consists of digits alone.
weak-similar-user-name = The password is too similar to your user name.
weak-similar-full-name = The password is too similar to your name.
weak-similar-email = The password is too similar to your e-mail address.
weak-common = The password is too common.
weak-breached = The password is known to attackers: it is on a list of passwords that were stolen elsewhere.
weak-unchecked = The password cannot be compared with the list of stolen passwords at the moment; try again later.
weak-own-words = The password is too easy to guess: it is made of your own name or address.
weak-keys = The password is too easy to guess: it follows the keys of the keyboard; several unrelated words make a good one.
weak-repeats = The password is too easy to guess: it repeats itself; several unrelated words make a good one.
weak-popular = The password is too easy to guess: many people use this one or one much like it; several unrelated words make a good one.
weak-counts = The password is too easy to guess: it counts up or down; several unrelated words make a good one.
weak-date = The password is too easy to guess: it is little more than a date; several unrelated words make a good one.
weak-name = The password is too easy to guess: it is little more than a name; several unrelated words make a good one.
weak-word = The password is too easy to guess: it is little more than a word; several unrelated words make a good one.
weak-regular = The password is too easy to guess: it is too regular; several unrelated words make a good one.

## What is wrong with a user name

name-empty = A name needs at least one character.
name-too-long = A name has at most { $most } characters.
# $character is the character in quotes, $others lists the marks that can stand in a name.
name-character = { $character } cannot stand in a name; letters, digits and { $others } can.
