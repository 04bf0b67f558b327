### Texts of several pages.

## Page titles: what the page is for, and the site.

# Stands before the title of a page that shows a problem; screen readers say it first.
title-error = Error:

## Where to go on.

continue = Continue
back-to-account = Back to your account
back-to-application = Back to the application
your-account = Your account
your-applications = Your applications
sign-in = Sign in
sign-out = Sign out
try-again = Try again
or = or

# $id is the number under which an administrator finds the request in the log.
request-id = Request { $id }

## Problems with a form.

form-expired = This form has expired. Please try again.
