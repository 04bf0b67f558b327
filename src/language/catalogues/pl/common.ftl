title-error = Błąd:

continue = Dalej
back-to-account = Powrót do konta
back-to-application = Powrót do aplikacji
your-account = Konto
your-applications = Aplikacje
sign-in = Zaloguj się
sign-out = Wyloguj się
try-again = Spróbuj ponownie
or = lub

request-id = Żądanie { $id }

form-expired = Ten formularz wygasł. Proszę spróbować ponownie.
