second-step-title = Seconde étape · { $host }
second-step-heading = Seconde étape
second-step-lead = Connexion en tant que { $name }, pour continuer vers { $site }
factor-code = Code de votre application d’authentification
factor-code-hint = Six chiffres. Ils changent toutes les 30 secondes.
recovery-use = Je n’ai pas mon appareil : utiliser un code de secours
recovery-code = Code de secours
recovery-code-hint = Dix caractères, par exemple ABCDE-FGH23. Chaque code fonctionne une fois.
second-step-again = Recommencer
factor-wrong-code = Ce code n’est pas correct. Le code d’une application change toutes les 30 secondes et fonctionne une fois.
sign-in-expired = La connexion a pris trop de temps. Veuillez recommencer.
sign-in-too-many-codes = Trop de codes incorrects. Veuillez reprendre la connexion depuis le début.

confirm-factor = Vous êtes connecté à { $host } en tant que { $name }. Présentez votre second facteur pour continuer.
confirm-needs-factor = Vous êtes connecté à { $host } en tant que { $name }.
confirm-no-factor = Cette page demande un second facteur, et vous n’en avez pas encore.
confirm-no-such-factor = Cette page demande un second facteur d’un type que vous n’avez pas ajouté.
confirm-ask-administrator = Veuillez vous adresser à un administrateur.
factor-add = Ajouter un second facteur
refused-factor-title = Veuillez présenter un second facteur
refused-factor = Pour cela, vous devez prouver votre identité d’une autre manière.
refused-factor-link = Confirmer votre identité

factors-title = Seconds facteurs · { $host }
factors-heading = Seconds facteurs
factors-lead = Avec un second facteur, votre mot de passe seul ne laisse entrer personne.
factors-required = Votre compte a besoin d’un second facteur. Veuillez en ajouter un.
factors-own = Vos seconds facteurs
factors-none = Aucun pour l’instant.
factors-back = Retour à votre compte
factor-app = Application d’authentification
factor-passkey = Clé d’accès
passkey-synced = synchronisée
factor-added = Ajouté le { $date }
factor-added-used = Ajouté le { $date }, utilisé le { $used }
factor-change = Renommer ou supprimer
factor-name = Nom
factor-name-hint = Pour distinguer vos appareils, par exemple « Téléphone ».
factor-rename = Renommer
factor-remove = Supprimer
factor-end-others = Se déconnecter partout ailleurs
factor-wrong-name = Un nom compte de 1 à 64 caractères sur une ligne.
factor-last-way-in = Sans celui-ci, vous ne pourriez plus vous connecter. Ajoutez d’abord un autre facteur.
factor-last-required = Votre compte a besoin d’un second facteur, et c’est le seul. Pour le supprimer, ajoutez-en d’abord un autre.
factor-was-added = Le second facteur est ajouté. Il vous sera désormais demandé à la connexion.
factor-was-removed = Le second facteur est supprimé.
factor-was-renamed = Le nom est modifié.

factor-add-app = Ajouter une application d’authentification
factor-app-name = Application d’authentification
add-app-title = Ajouter une application d’authentification · { $host }
add-app-heading = Ajouter une application d’authentification
add-app-lead = pour { $name } sur { $host }
add-app-required = Votre compte sur { $host } a besoin d’un second facteur. Configurez-le maintenant pour continuer.
enrol-title = Ajouter un second facteur · { $host }
add-app-scan = Scannez ce code avec une application d’authentification telle qu’Aegis, FreeOTP, Google Authenticator ou un gestionnaire de mots de passe.
add-app-qr = Code QR pour l’application d’authentification
add-app-type = Ou saisissez cette clé dans l’application :
add-app-open = Ouvrir dans une application sur cet appareil
add-app-submit = Ajouter
add-app-cancel = Retour à vos seconds facteurs
factor-wrong-first-code = Ce code n’est pas correct. L’horloge de votre appareil est-elle à l’heure ? Saisissez le code que l’application affiche maintenant.
factor-secret-expired = Le code QR a expiré. Veuillez scanner le nouveau.
factor-too-many = Vous avez autant de seconds facteurs qu’un compte peut en avoir. Supprimez-en d’abord un.

recovery-codes = Codes de secours
recovery-codes-title = Codes de secours · { $host }
recovery-codes-lead = pour { $name } sur { $host }
recovery-codes-once = Imprimez ou notez ces codes maintenant. Ils ne seront plus affichés.
recovery-codes-hint = Si vous perdez votre appareil, l’un de ces codes vous connecte à sa place. Chacun fonctionne une fois. De nouveaux codes annulent les anciens.
recovery-codes-kept = J’ai conservé les codes
recovery-codes-left =
    { $count ->
        [one] Il reste { $count } code.
       *[other] Il reste { $count } codes.
    }
recovery-codes-new = Créer de nouveaux codes
account-factors = Seconds facteurs
