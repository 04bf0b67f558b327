### Forms that came after the end of a session, and are offered again after the sign-in.

parked-title = Send it again? · { $host }
parked-heading = Send it again?
# $host is a site, $path an address on it.
parked-lead = You sent this to { $path } on { $host } while you were not signed in. Nothing has been saved yet.
# In place of a password or another secret.
parked-hidden = (not shown)
parked-send = Send
parked-kept = It is kept here for 15 minutes, also if you reload or leave this page. Send it once.
parked-back = Don’t send it
parked-none-title = Nothing to send
parked-none = There is no form that is waiting for you here. A form is kept for 15 minutes, for the person who sent it, in the browser that sent it.
sent-parked = What you sent is not lost, and not saved yet. Sign in, and you can send it again.
