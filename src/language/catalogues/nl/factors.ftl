second-step-title = Tweede stap · { $host }
second-step-heading = Tweede stap
second-step-lead = Inloggen als { $name }, om door te gaan naar { $site }
factor-code = Code van uw authenticator-app
factor-code-hint = Zes cijfers. Ze wisselen elke 30 seconden.
recovery-use = Ik heb mijn apparaat niet bij me: een herstelcode gebruiken
recovery-code = Herstelcode
recovery-code-hint = Tien tekens, bijvoorbeeld ABCDE-FGH23. Elke code werkt één keer.
second-step-again = Opnieuw beginnen
factor-wrong-code = Deze code klopt niet. De code van een app wisselt elke 30 seconden en werkt één keer.
sign-in-expired = Het inloggen duurde te lang. Begin opnieuw.
sign-in-too-many-codes = Te veel onjuiste codes. Log opnieuw in vanaf het begin.

confirm-factor = U bent op { $host } ingelogd als { $name }. Toon uw tweede factor om door te gaan.
confirm-needs-factor = U bent op { $host } ingelogd als { $name }.
confirm-no-factor = Deze pagina vraagt om een tweede factor, en u hebt er nog geen.
confirm-no-such-factor = Deze pagina vraagt om een tweede factor van een soort die u niet hebt toegevoegd.
confirm-ask-administrator = Neem contact op met een beheerder.
factor-add = Een tweede factor toevoegen
refused-factor-title = Toon een tweede factor
refused-factor = Hiervoor moet u op een andere manier aantonen dat u het bent.
refused-factor-link = Bevestigen dat u het bent

factors-title = Tweede factoren · { $host }
factors-heading = Tweede factoren
factors-lead = Met een tweede factor laat uw wachtwoord alleen niemand binnen.
factors-required = Uw account heeft een tweede factor nodig. Voeg er een toe.
factors-own = Uw tweede factoren
factors-none = Nog geen.
factors-back = Terug naar uw account
factor-app = Authenticator-app
factor-passkey = Passkey
passkey-synced = gesynchroniseerd
factor-added = Toegevoegd op { $date }
factor-added-used = Toegevoegd op { $date }, gebruikt op { $used }
factor-change = Hernoemen of verwijderen
factor-name = Naam
factor-name-hint = Om uw apparaten te onderscheiden, bijvoorbeeld “Telefoon”.
factor-rename = Hernoemen
factor-remove = Verwijderen
factor-end-others = Overal elders uitloggen
factor-wrong-name = Een naam heeft 1 tot 64 tekens op één regel.
factor-last-way-in = Zonder deze zou u niet meer kunnen inloggen. Voeg eerst een andere toe.
factor-last-required = Uw account heeft een tweede factor nodig, en dit is de enige. Voeg eerst een andere toe om deze te verwijderen.
factor-was-added = De tweede factor is toegevoegd. Vanaf nu wordt er bij het inloggen naar gevraagd.
factor-was-removed = De tweede factor is verwijderd.
factor-was-renamed = De naam is gewijzigd.

factor-add-app = Een authenticator-app toevoegen
factor-app-name = Authenticator-app
add-app-title = Een authenticator-app toevoegen · { $host }
add-app-heading = Een authenticator-app toevoegen
add-app-lead = voor { $name } op { $host }
add-app-required = Uw account op { $host } heeft een tweede factor nodig. Stel die nu in om door te gaan.
enrol-title = Een tweede factor toevoegen · { $host }
add-app-scan = Scan deze code met een authenticator-app zoals Aegis, FreeOTP, Google Authenticator of een wachtwoordbeheerder.
add-app-qr = QR-code voor de authenticator-app
add-app-type = Of typ deze sleutel in de app:
add-app-open = Openen in een app op dit apparaat
add-app-submit = Toevoegen
add-app-cancel = Terug naar uw tweede factoren
factor-wrong-first-code = Deze code klopt niet. Staat de klok van uw apparaat goed? Typ de code die de app nu toont.
factor-secret-expired = De QR-code is verlopen. Scan de nieuwe.
factor-too-many = U hebt zoveel tweede factoren als een account mag hebben. Verwijder er eerst een.

recovery-codes = Herstelcodes
recovery-codes-title = Herstelcodes · { $host }
recovery-codes-lead = voor { $name } op { $host }
recovery-codes-once = Druk deze codes nu af of schrijf ze op. Ze worden niet opnieuw getoond.
recovery-codes-hint = Als u uw apparaat verliest, logt u met een van deze codes in. Elke code werkt één keer. Nieuwe codes maken de oude ongeldig.
recovery-codes-kept = Ik heb de codes bewaard
recovery-codes-left =
    { $count ->
        [one] Er is nog { $count } code over.
       *[other] Er zijn nog { $count } codes over.
    }
recovery-codes-new = Nieuwe codes maken
account-factors = Tweede factoren
