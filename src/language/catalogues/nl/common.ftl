title-error = Fout:

continue = Doorgaan
back-to-account = Terug naar uw account
back-to-application = Terug naar de toepassing
your-account = Uw account
your-applications = Uw toepassingen
sign-in = Inloggen
sign-out = Uitloggen
try-again = Opnieuw proberen
or = of

request-id = Verzoek { $id }

form-expired = Dit formulier is verlopen. Probeer het opnieuw.
