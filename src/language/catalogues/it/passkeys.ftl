### Passkeys: adding one, and signing in with one.

passkey-use = Usa una passkey
passkey-cancelled = Non è stata usata nessuna passkey. Riprovi, oppure scelga un’altra via.
passkey-known = Questo dispositivo ha già una passkey per il Suo account.
passkey-needs-script-here = La Sua passkey richiede un browser con passkey e JavaScript.
passkey-wrong = Con questa passkey l’accesso non è riuscito. Riprovi, oppure scelga un’altra via.

passkey-add-title = Aggiungi una passkey · { $host }
passkey-add-heading = Aggiungi una passkey
passkey-add-lead = Con una passkey per { $host } si accede con l’impronta, il viso o il PIN del dispositivo, e non può essere consegnata a una pagina falsa.
passkey-name = Nome
passkey-name-hint = Per distinguerla in seguito dalle altre. Se lo lascia vuoto, riceve il nome del suo produttore.
passkey-create = Crea una passkey
passkey-add-back = Torna ai Suoi secondi fattori
passkey-added-title = Passkey aggiunta · { $host }
passkey-added-heading = Passkey aggiunta
passkey-added-lead = D’ora in poi può accedere con { $name }.
passkey-added-codes = Questi sono i Suoi codici di recupero. Ciascuno vale una volta al posto della passkey, se la perde. Li annoti o stampi questa pagina: non verranno mostrati di nuovo.
passkey-needs-script = Serve un browser con passkey e JavaScript. Un’app di autenticazione funziona senza entrambi.
passkey-not-added = Non è stato possibile aggiungere questa passkey. Riprovi.
passkey-added-already = Questa passkey appartiene già a un account.
passkey-too-many = Ha già tutti i secondi fattori che un account può avere. Prima ne rimuova uno.
passkey-name-invalid = Un nome ha da 1 a 64 caratteri su una riga.
# The name of a passkey to which its owner has given none.
passkey-added-on = Passkey, aggiunta il { $date }
