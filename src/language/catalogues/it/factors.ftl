second-step-title = Secondo passaggio · { $host }
second-step-heading = Secondo passaggio
second-step-lead = Accesso come { $name }, per continuare su { $site }
factor-code = Codice della Sua app di autenticazione
factor-code-hint = Sei cifre. Cambiano ogni 30 secondi.
recovery-use = Non ho il mio dispositivo: usa un codice di recupero
recovery-code = Codice di recupero
recovery-code-hint = Dieci caratteri, per esempio ABCDE-FGH23. Ogni codice funziona una volta.
second-step-again = Ricomincia
factor-wrong-code = Questo codice non è corretto. Il codice di un’app cambia ogni 30 secondi e funziona una volta.
sign-in-expired = L’accesso ha richiesto troppo tempo. Ricominci da capo.
sign-in-too-many-codes = Troppi codici errati. Effettui di nuovo l’accesso dall’inizio.

confirm-factor = Ha effettuato l’accesso a { $host } come { $name }. Mostri il Suo secondo fattore per continuare.
confirm-needs-factor = Ha effettuato l’accesso a { $host } come { $name }.
confirm-no-factor = Questa pagina richiede un secondo fattore e Lei non ne ha ancora.
confirm-no-such-factor = Questa pagina richiede un secondo fattore di un tipo che non ha aggiunto.
confirm-ask-administrator = Si rivolga a un amministratore.
factor-add = Aggiungi un secondo fattore
refused-factor-title = Mostri un secondo fattore
refused-factor = Per questo deve dimostrare la Sua identità in un altro modo.
refused-factor-link = Conferma la Sua identità

factors-title = Secondi fattori · { $host }
factors-heading = Secondi fattori
factors-lead = Con un secondo fattore, la sola password non fa entrare nessuno.
factors-required = Il Suo account ha bisogno di un secondo fattore. Ne aggiunga uno.
factors-own = I Suoi secondi fattori
factors-none = Ancora nessuno.
factors-back = Torna al Suo account
factor-app = App di autenticazione
factor-passkey = Passkey
passkey-synced = sincronizzata
factor-added = Aggiunto il { $date }
factor-added-used = Aggiunto il { $date }, usato il { $used }
factor-change = Rinomina o rimuovi
factor-name = Nome
factor-name-hint = Per distinguere i Suoi dispositivi, per esempio «Telefono».
factor-rename = Rinomina
factor-remove = Rimuovi
factor-end-others = Esci da tutte le altre sessioni
factor-wrong-name = Un nome ha da 1 a 64 caratteri su una riga.
factor-last-way-in = Senza questo non potrebbe più accedere. Ne aggiunga prima un altro.
factor-last-required = Il Suo account ha bisogno di un secondo fattore, e questo è l’unico. Per rimuoverlo, ne aggiunga prima un altro.
factor-was-added = Il secondo fattore è stato aggiunto. D’ora in poi Le sarà chiesto all’accesso.
factor-was-removed = Il secondo fattore è stato rimosso.
factor-was-renamed = Il nome è stato cambiato.

factor-add-app = Aggiungi un’app di autenticazione
factor-app-name = App di autenticazione
add-app-title = Aggiungi un’app di autenticazione · { $host }
add-app-heading = Aggiungi un’app di autenticazione
add-app-lead = per { $name } su { $host }
add-app-required = Il Suo account su { $host } ha bisogno di un secondo fattore. Lo configuri ora per continuare.
enrol-title = Aggiungi un secondo fattore · { $host }
add-app-scan = Scansioni questo codice con un’app di autenticazione come Aegis, FreeOTP, Google Authenticator o un gestore di password.
add-app-qr = Codice QR per l’app di autenticazione
add-app-type = Oppure digiti questa chiave nell’app:
add-app-open = Apri in un’app su questo dispositivo
add-app-submit = Aggiungi
add-app-cancel = Torna ai Suoi secondi fattori
factor-wrong-first-code = Questo codice non è corretto. L’orologio del Suo dispositivo è giusto? Digiti il codice che l’app mostra ora.
factor-secret-expired = Il codice QR è scaduto. Scansioni quello nuovo.
factor-too-many = Ha tanti secondi fattori quanti ne può avere un account. Ne rimuova prima uno.

recovery-codes = Codici di recupero
recovery-codes-title = Codici di recupero · { $host }
recovery-codes-lead = per { $name } su { $host }
recovery-codes-once = Stampi o annoti ora questi codici. Non saranno più mostrati.
recovery-codes-hint = Se perde il Suo dispositivo, uno di questi codici Le permette di accedere al suo posto. Ognuno funziona una volta. Nuovi codici annullano i vecchi.
recovery-codes-kept = Ho conservato i codici
recovery-codes-left =
    { $count ->
        [one] Resta { $count } codice.
       *[other] Restano { $count } codici.
    }
recovery-codes-new = Crea nuovi codici
account-factors = Secondi fattori
