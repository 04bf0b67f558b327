mail-once = Può essere usato una volta, entro { $time }.
mail-nothing-to-do = Se non è stato Lei, non deve fare nulla.

mail-reset-subject = Imposti una nuova password per { $site }
mail-reset = Qualcuno ha chiesto una nuova password per l’account «{ $name }» su { $site }. Se è stato Lei, apra questo link.
mail-reset-link = Imposta una nuova password
mail-reset-after = Se non è stato Lei, non deve fare nulla: la Sua password resta com’è.

mail-invitation-subject = È invitato su { $site }
mail-invitation = Su { $site } c’è un account «{ $name }» per Lei. Apra questo link per scegliere la password.
mail-invitation-link = Scegli una password
mail-invitation-after = Se non sa di che cosa si tratta, non deve fare nulla.

mail-registration-subject = Completi la registrazione su { $site }
mail-registration = Qualcuno vuole creare un account con questo indirizzo su { $site }. Se è stato Lei, apra questo link per scegliere un nome e una password.
mail-registration-link = Completa la registrazione
mail-registration-after = Se non è stato Lei, non deve fare nulla: non viene creato alcun account.

mail-known-subject = Ha già un account su { $site }
mail-known = Qualcuno voleva creare un account con questo indirizzo su { $site }. Ne esiste già uno: «{ $name }». Se ha dimenticato la password, può impostarne una nuova.
mail-known-link = Password dimenticata

mail-elsewhere-subject = La Sua password per { $site }
mail-elsewhere = Qualcuno ha chiesto una nuova password per l’account «{ $name }» su { $site }. La Sua password non è gestita qui. Lei accede con { $backends }, ed è lì che può essere cambiata.

mail-email-subject = Confermi il nuovo indirizzo per { $site }
mail-email = Qualcuno vuole che questo indirizzo diventi quello dell’account «{ $name }» su { $site }. Se è stato Lei, apra questo link e acceda come «{ $name }».
mail-email-link = Conferma l’indirizzo
mail-email-after = Se non è stato Lei, non deve fare nulla: non cambia niente.

mail-email-changed-subject = Il Suo indirizzo per { $site } è stato cambiato
mail-email-changed = L’account «{ $name }» su { $site } ha ora un altro indirizzo: { $address }. D’ora in poi i messaggi vanno lì.
mail-undo = Se non è stato Lei, apra questo link. Ripristina questo indirizzo, chiude tutte le sessioni e Le permette di impostare una nuova password.
mail-undo-link = Annulla la modifica

mail-approved-subject = Il Suo account su { $site } è pronto
mail-approved = Il Suo account «{ $name }» su { $site } è stato approvato. Ora può accedere.

mail-notice-subject = Il Suo account su { $site } è stato modificato
mail-new-device-subject = Nuovo accesso al Suo account su { $site }
mail-notice = Si tratta dell’account «{ $name }» su { $site }. { $what }
mail-password-changed = Ha una nuova password.
mail-factor-added = È stato aggiunto un secondo fattore: { $factor }.
mail-factor-removed = È stato rimosso un secondo fattore: { $factor }.
mail-factors-removed-by-operator = Un amministratore ha rimosso dei secondi fattori: { $factors }. La Sua sessione è stata chiusa ovunque.
mail-recovery-code-used = È stato usato un codice di recupero per accedere. { $left ->
    [0] Era l’ultimo. Ne crei di nuovi nella pagina dell’account.
    [one] Ne resta uno.
   *[other] Ne restano { $left }.
}
mail-passkey-may-be-copied = La Sua passkey «{ $name }» è stata usata e il suo contatore non è aumentato. Potrebbe essere stata copiata. Se non l’ha usata Lei, la rimuova.
mail-recovery-codes-made = Sono stati creati nuovi codici di recupero. I vecchi non sono più validi.
mail-new-device = Qualcuno ha effettuato l’accesso su un dispositivo mai usato prima.
mail-notice-email-changed = Ha un altro indirizzo: { $address }.
mail-token-made = È stato creato un token per programmi: { $token }.
mail-token-removed = È stato rimosso un token per programmi: { $token }.
mail-cause = È successo il { $date }, con { $device }.
mail-cause-from = È successo il { $date }, da { $address }, con { $device }.
mail-notice-after = Se è stato Lei, non deve fare nulla. Altrimenti cambi la password, termini le altre sessioni su { $link } e avvisi un amministratore.
mail-factors-removed-after = Se non l’ha chiesto Lei, avvisi un amministratore.

mail-approval-subject = { $name } attende l’approvazione su { $site }
mail-approval = Una persona che riceve posta a { $address } si è registrata come «{ $name }» su { $site } e attende l’approvazione.
mail-approval-command = Per approvare: { $command }
mail-refusal-command = Per rifiutare: { $command }
mail-test-subject = La posta di { $site } funziona
mail-test = Un gestore di { $site } ha inviato questo messaggio per vedere se la posta funziona. Funziona.
