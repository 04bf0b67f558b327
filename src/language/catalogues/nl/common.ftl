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
none = Geen

request-id = Verzoek { $id }

form-expired = Dit formulier was verlopen. Probeer het opnieuw.
