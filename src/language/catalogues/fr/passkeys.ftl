### Passkeys: adding one, and signing in with one.

passkey-use = Utiliser une clé d’accès
passkey-cancelled = Aucune clé d’accès n’a été utilisée. Réessayez, ou choisissez un autre moyen.
passkey-known = Cet appareil a déjà une clé d’accès pour votre compte.
passkey-needs-script-here = Votre clé d’accès demande un navigateur qui gère les clés d’accès, et JavaScript.
passkey-wrong = Cette clé d’accès n’a pas permis de vous connecter. Réessayez, ou choisissez un autre moyen.

passkey-add-title = Ajouter une clé d’accès · { $host }
passkey-add-heading = Ajouter une clé d’accès
passkey-add-lead = Une clé d’accès pour { $host } vous connecte avec votre empreinte, votre visage ou le code de votre appareil, et ne peut pas être remise à une fausse page.
passkey-name = Nom
passkey-name-hint = Pour la distinguer des autres plus tard. Si vous le laissez vide, elle prend le nom de son fabricant.
passkey-create = Créer une clé d’accès
passkey-add-back = Retour à vos seconds facteurs
passkey-added-title = Clé d’accès ajoutée · { $host }
passkey-added-heading = Clé d’accès ajoutée
passkey-added-lead = Vous pouvez désormais vous connecter avec { $name }.
passkey-added-codes = Voici vos codes de secours. Chacun remplace une fois votre clé d’accès, si vous la perdez. Notez-les ou imprimez cette page : ils ne seront plus affichés.
passkey-needs-script = Il faut pour cela un navigateur qui gère les clés d’accès, et JavaScript. Une application d’authentification se passe des deux.
passkey-not-added = Cette clé d’accès n’a pas pu être ajoutée. Veuillez réessayer.
passkey-added-already = Cette clé d’accès appartient déjà à un compte.
passkey-too-many = Vous avez autant de seconds facteurs qu’un compte peut en avoir. Supprimez-en d’abord un.
passkey-name-invalid = Un nom a de 1 à 64 caractères sur une seule ligne.
# The name of a passkey to which its owner has given none.
passkey-added-on = Clé d’accès, ajoutée le { $date }
