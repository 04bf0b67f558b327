mail-once = Il peut être utilisé une fois, pendant { $time }.
mail-nothing-to-do = Si ce n’était pas vous, vous n’avez rien à faire.

mail-reset-subject = Définir un nouveau mot de passe pour { $site }
mail-reset = Quelqu’un a demandé un nouveau mot de passe pour le compte « { $name } » sur { $site }. Si c’était vous, ouvrez ce lien.
mail-reset-link = Définir un nouveau mot de passe
mail-reset-after = Si ce n’était pas vous, vous n’avez rien à faire : votre mot de passe reste inchangé.

mail-invitation-subject = Vous êtes invité sur { $site }
mail-invitation = Un compte « { $name } » vous attend sur { $site }. Ouvrez ce lien pour choisir son mot de passe.
mail-invitation-link = Choisir un mot de passe
mail-invitation-after = Si vous ne savez pas de quoi il s’agit, vous n’avez rien à faire.

mail-registration-subject = Terminez votre inscription sur { $site }
mail-registration = Quelqu’un souhaite créer un compte avec cette adresse sur { $site }. Si c’était vous, ouvrez ce lien pour choisir un nom et un mot de passe.
mail-registration-link = Terminer l’inscription
mail-registration-after = Si ce n’était pas vous, vous n’avez rien à faire : aucun compte n’est créé.

mail-known-subject = Vous avez déjà un compte sur { $site }
mail-known = Quelqu’un voulait créer un compte avec cette adresse sur { $site }. Il en existe déjà un : « { $name } ». Si vous avez oublié son mot de passe, vous pouvez en définir un nouveau.
mail-known-link = Mot de passe oublié

mail-elsewhere-subject = Votre mot de passe pour { $site }
mail-elsewhere = Quelqu’un a demandé un nouveau mot de passe pour le compte « { $name } » sur { $site }. Votre mot de passe n’est pas géré ici. Vous vous connectez avec { $backends }, et c’est là qu’il peut être modifié.

mail-email-subject = Confirmez votre nouvelle adresse pour { $site }
mail-email = Quelqu’un souhaite que cette adresse devienne celle du compte « { $name } » sur { $site }. Si c’était vous, ouvrez ce lien et connectez-vous en tant que « { $name } ».
mail-email-link = Confirmer l’adresse
mail-email-after = Si ce n’était pas vous, vous n’avez rien à faire : rien ne change.

mail-email-changed-subject = Votre adresse pour { $site } a été modifiée
mail-email-changed = Le compte « { $name } » sur { $site } a maintenant une autre adresse : { $address }. Les messages y sont désormais envoyés.
mail-undo = Si ce n’était pas vous, ouvrez ce lien. Il rétablit cette adresse, déconnecte tout le monde et vous permet de définir un nouveau mot de passe.
mail-undo-link = Annuler la modification

mail-approved-subject = Votre compte sur { $site } est prêt
mail-approved = Votre compte « { $name } » sur { $site } a été approuvé. Vous pouvez maintenant vous connecter.

mail-notice-subject = Votre compte sur { $site } a été modifié
mail-new-device-subject = Nouvelle connexion à votre compte sur { $site }
mail-notice = Ce message concerne le compte « { $name } » sur { $site }. { $what }
mail-password-changed = Il a un nouveau mot de passe.
mail-factor-added = Un second facteur a été ajouté : { $factor }.
mail-factor-removed = Un second facteur a été supprimé : { $factor }.
mail-factors-removed-by-operator = Un administrateur a supprimé des seconds facteurs : { $factors }. Vous avez été déconnecté partout.
mail-recovery-code-used = Un code de secours a été utilisé pour se connecter. { $left ->
    [0] C’était le dernier. Créez-en de nouveaux sur la page de votre compte.
    [one] Il en reste { $left }.
   *[other] Il en reste { $left }.
}
mail-passkey-may-be-copied = Votre clé d’accès « { $name } » a été utilisée sans que son compteur augmente. Elle a peut-être été copiée. Si vous ne l’avez pas utilisée, supprimez-la.
mail-recovery-codes-made = De nouveaux codes de secours ont été créés. Les anciens sont annulés.
mail-new-device = Quelqu’un s’est connecté sur un appareil qui n’avait pas encore été utilisé.
mail-notice-email-changed = Il a une autre adresse : { $address }.
mail-token-made = Un jeton pour programmes a été créé : { $token }.
mail-token-removed = Un jeton pour programmes a été supprimé : { $token }.
mail-cause = Cela s’est passé le { $date }, avec { $device }.
mail-cause-from = Cela s’est passé le { $date }, depuis { $address }, avec { $device }.
mail-notice-after = Si c’était vous, vous n’avez rien à faire. Sinon, modifiez votre mot de passe, mettez fin aux autres sessions sur { $link } et prévenez un administrateur.
mail-factors-removed-after = Si vous ne l’avez pas demandé, prévenez un administrateur.

mail-approval-subject = { $name } attend une approbation sur { $site }
mail-approval = Une personne qui reçoit ses messages à { $address } s’est inscrite sous le nom « { $name } » sur { $site } et attend une approbation.
mail-approval-command = Pour approuver : { $command }
mail-refusal-command = Pour refuser : { $command }
mail-test-subject = L’envoi de messages de { $site } fonctionne
mail-test = Un exploitant de { $site } a envoyé ce message pour vérifier que l’envoi fonctionne. C’est le cas.
