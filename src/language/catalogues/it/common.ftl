title-error = Errore:

continue = Continua
back-to-account = Torna al Suo account
back-to-application = Torna all’applicazione
your-account = Il Suo account
your-applications = Le Sue applicazioni
sign-in = Accedi
sign-out = Esci
try-again = Riprova
or = oppure

request-id = Richiesta { $id }

form-expired = Questo modulo è scaduto. Riprovi.
