### Changing one’s password, and what a new password has to be.

password-title = Change password · { $host }
password-heading = Change password
password-lead = for { $name } on { $host }
password-current = Current password
password-new = New password
password-again = New password, again
password-hint = At least 8 characters, and not easy to guess. A few unrelated words make a good one.
password-change = Change password
password-changed = Your password has been changed. Your other sessions have ended.
password-wrong = The current password is wrong.
password-not-the-same = The two new passwords are not the same.
password-unchanged = The new password is the same as the current one.
