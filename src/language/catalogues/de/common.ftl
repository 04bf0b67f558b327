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
none = Keine

request-id = Anfrage { $id }

form-expired = Dieses Formular war abgelaufen. Bitte versuchen Sie es noch einmal.
