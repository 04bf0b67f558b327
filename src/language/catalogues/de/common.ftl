title-error = Fehler:

continue = Weiter
back-to-account = Zurück zu Ihrem Konto
back-to-application = Zurück zur Anwendung
your-account = Ihr Konto
your-applications = Ihre Anwendungen
sign-in = Anmelden
sign-out = Abmelden
try-again = Noch einmal versuchen
or = oder

request-id = Anfrage { $id }

form-expired = Dieses Formular ist abgelaufen. Bitte versuchen Sie es noch einmal.
