refused-open-page = Apri la pagina
refused-confirm-password = Conferma la password

refused-bad-request-title = Questa richiesta non è valida
refused-bad-request = Il motivo tecnico, in inglese: { $reason }
refused-plain-http-title = Questo indirizzo richiede HTTPS
refused-plain-http = La richiesta è arrivata in HTTP non cifrato, ma questa porta richiede HTTPS. Usi invece { $address }. Se la richiesta conteneva una password o un token, altri sulla rete potevano leggerli: li sostituisca.
refused-plain-http-some = La richiesta è arrivata in HTTP non cifrato, ma questa porta richiede HTTPS. Usi invece un indirizzo che inizia con https://. Se la richiesta conteneva una password o un token, altri sulla rete potevano leggerli: li sostituisca.
refused-sign-in-title = Effettui l’accesso
refused-sign-in = La Sua sessione è terminata. Ricarichi la pagina per accedere.
refused-confirm-title = Confermi la Sua password
refused-confirm = Per questo deve confermare di nuovo la Sua password.
refused-forbidden-title = Non può aprire questa pagina
refused-forbidden = Ha effettuato l’accesso, ma il Suo account non è autorizzato a farlo. Se Le serve l’accesso, si rivolga a un amministratore.
refused-cross-site-title = Questa richiesta proveniva da un altro sito
refused-cross-site = Un altro sito web ha inviato questa richiesta con la Sua sessione, perciò è stata bloccata. Se desidera farlo, apra la pagina stessa e lo faccia lì.
refused-service-worker-title = Qui i service worker non sono consentiti
refused-service-worker = Un service worker di questa applicazione potrebbe prendere il posto della pagina di accesso. Un amministratore può consentirlo con service_workers.
refused-framed-title = Questa pagina non si apre in un riquadro
refused-framed = La apra in una finestra propria, in modo che nessun’altra pagina possa coprirla.
refused-not-found-title = Pagina non trovata
refused-not-found = A questo indirizzo non c’è nulla. Verifichi che non ci siano errori di battitura.
refused-method-title = Qui questo non funziona
refused-method = La pagina esiste, ma non può essere usata in questo modo.
refused-too-slow-title = È durato troppo a lungo
refused-too-slow = La richiesta non è arrivata in tempo. La preghiamo di riprovare.
refused-length-required-title = Manca la lunghezza
refused-length-required = La richiesta non ha Content-Length ed è più grande di quanto l’applicazione accetti senza. La invii con Content-Length.
refused-too-large-title = Era troppo grande
refused-too-large = La richiesta è più grande di quanto questo sito accetti.
refused-uri-too-long-title = Questo indirizzo è troppo lungo
refused-uri-too-long = L’indirizzo è più lungo di quanto questo sito accetti.
refused-media-type-title = Questo tipo di contenuto non è supportato
refused-media-type = Questa pagina non accetta contenuti di questo tipo.
refused-misdirected-title = Qui non c’è alcun sito
refused-misdirected = Questo server non ha un sito con questo nome. Verifichi che l’indirizzo non contenga errori di battitura.
refused-too-many-attempts-title = Troppi tentativi
refused-too-many-attempts = Ci sono stati troppi tentativi con una password errata. Riprovi tra { $time }.
refused-wrong-connection-title = Questa connessione è per un altro sito
refused-wrong-connection = Il browser ha aperto questa connessione per un altro sito. Ricarichi la pagina per aprirne una nuova.
refused-head-too-large-title = La richiesta era troppo grande
refused-head-too-large = L’indirizzo o i cookie sono più grandi di quanto questo sito accetti. Eliminare i cookie di questo sito può aiutare.
refused-too-busy-title = Troppo carico al momento
refused-too-busy =
    { $seconds ->
        [one] Al momento molte persone stanno accedendo. Riprovi tra un secondo.
       *[other] Al momento molte persone stanno accedendo. Riprovi tra { $seconds } secondi.
    }
refused-overloaded = Al momento sono in corso troppe richieste. Riprovi tra poco.
refused-unavailable-title = Temporaneamente non disponibile
refused-unavailable = Al momento non è possibile. Riprovi tra poco.
refused-bad-gateway-title = L’applicazione non è raggiungibile
refused-bad-gateway = Forse si sta riavviando. Riprovi tra poco.
refused-gateway-timeout-title = L’applicazione non risponde
refused-gateway-timeout = Ha impiegato troppo tempo e forse è sovraccarica. Riprovi tra poco.
refused-internal-title = Qualcosa è andato storto
refused-internal = Non dipende da Lei. Se succede di nuovo, comunichi a un amministratore il numero di richiesta qui sotto.
