### Passkeys: adding one, and signing in with one.

passkey-use = Een passkey gebruiken
passkey-cancelled = Er is geen passkey gebruikt. Probeer het opnieuw, of kies een andere manier.
passkey-known = Dit apparaat heeft al een passkey voor uw account.
passkey-needs-script-here = Uw passkey heeft een browser met passkeys nodig, en JavaScript.
passkey-wrong = Met die passkey is het inloggen niet gelukt. Probeer het opnieuw, of kies een andere manier.

passkey-add-title = Passkey toevoegen · { $host }
passkey-add-heading = Passkey toevoegen
passkey-add-lead = Met een passkey voor { $host } logt u in met uw vingerafdruk, uw gezicht of de pincode van uw apparaat. Een valse pagina kan hem niet krijgen.
passkey-name = Naam
passkey-name-hint = Zodat u hem later van andere kunt onderscheiden. Laat u dit leeg, dan krijgt hij de naam van zijn maker.
passkey-create = Passkey maken
passkey-add-back = Terug naar uw tweede factoren
passkey-added-title = Passkey toegevoegd · { $host }
passkey-added-heading = Passkey toegevoegd
passkey-added-lead = Vanaf nu kunt u met { $name } inloggen.
passkey-added-codes = Dit zijn uw herstelcodes. Elke code werkt één keer in plaats van uw passkey, als u die verliest. Schrijf ze op of druk deze pagina af: ze worden niet opnieuw getoond.
passkey-needs-script = Hiervoor is een browser met passkeys en JavaScript nodig. Een authenticator-app werkt zonder beide.
passkey-not-added = Die passkey kon niet worden toegevoegd. Probeer het opnieuw.
passkey-added-already = Deze passkey hoort al bij een account.
passkey-too-many = U hebt zoveel tweede factoren als een account mag hebben. Verwijder er eerst een.
passkey-name-invalid = Een naam heeft 1 tot 64 tekens op één regel.
# The name of a passkey to which its owner has given none.
passkey-added-on = Passkey, toegevoegd op { $date }
