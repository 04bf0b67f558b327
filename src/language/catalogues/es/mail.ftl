mail-once = Se puede usar una vez, durante { $time }.
mail-nothing-to-do = Si no ha sido usted, no tiene que hacer nada.

mail-reset-subject = Establecer una contraseña nueva para { $site }
mail-reset = Alguien ha pedido una contraseña nueva para la cuenta «{ $name }» en { $site }. Si ha sido usted, abra este enlace.
mail-reset-link = Establecer una contraseña nueva
mail-reset-after = Si no ha sido usted, no tiene que hacer nada: su contraseña sigue como está.

mail-invitation-subject = Tiene una invitación a { $site }
mail-invitation = En { $site } hay una cuenta «{ $name }» para usted. Abra este enlace para elegir su contraseña.
mail-invitation-link = Elegir una contraseña
mail-invitation-after = Si no sabe de qué se trata, no tiene que hacer nada.

mail-registration-subject = Complete su registro en { $site }
mail-registration = Alguien quiere crear una cuenta con esta dirección en { $site }. Si ha sido usted, abra este enlace para elegir un nombre y una contraseña.
mail-registration-link = Completar el registro
mail-registration-after = Si no ha sido usted, no tiene que hacer nada: no se crea ninguna cuenta.

mail-known-subject = Ya tiene una cuenta en { $site }
mail-known = Alguien quería crear una cuenta con esta dirección en { $site }. Ya existe una: «{ $name }». Si ha olvidado su contraseña, puede establecer una nueva.
mail-known-link = Contraseña olvidada

mail-elsewhere-subject = Su contraseña para { $site }
mail-elsewhere = Alguien ha pedido una contraseña nueva para la cuenta «{ $name }» en { $site }. Su contraseña no se gestiona aquí. Usted inicia sesión con { $backends }, y es ahí donde se puede cambiar.

mail-email-subject = Confirme su nueva dirección para { $site }
mail-email = Alguien quiere que esta dirección sea la de la cuenta «{ $name }» en { $site }. Si ha sido usted, abra este enlace e inicie sesión como «{ $name }».
mail-email-link = Confirmar la dirección
mail-email-after = Si no ha sido usted, no tiene que hacer nada: no cambia nada.

mail-email-changed-subject = Se ha cambiado su dirección para { $site }
mail-email-changed = La cuenta «{ $name }» en { $site } tiene ahora otra dirección: { $address }. A partir de ahora los mensajes van allí.
mail-undo = Si no ha sido usted, abra este enlace. Restablece esta dirección, cierra todas las sesiones y le permite establecer una contraseña nueva.
mail-undo-link = Deshacer el cambio

mail-approved-subject = Su cuenta en { $site } está lista
mail-approved = Se ha aprobado su cuenta «{ $name }» en { $site }. Ya puede iniciar sesión.

mail-notice-subject = Se ha cambiado su cuenta en { $site }
mail-new-device-subject = Nuevo inicio de sesión en su cuenta de { $site }
mail-notice = Se trata de la cuenta «{ $name }» en { $site }. { $what }
mail-password-changed = Tiene una contraseña nueva.
mail-factor-added = Se ha añadido un segundo factor: { $factor }.
mail-factor-removed = Se ha quitado un segundo factor: { $factor }.
mail-factors-removed-by-operator = Un administrador ha quitado segundos factores: { $factors }. Se ha cerrado su sesión en todas partes.
mail-recovery-code-used = Se ha usado un código de recuperación para iniciar sesión. { $left ->
    [0] Era el último. Cree códigos nuevos en la página de su cuenta.
    [one] Queda uno.
   *[other] Quedan { $left }.
}
mail-passkey-may-be-copied = Se ha usado su llave de acceso «{ $name }» y su contador de usos no ha aumentado. Es posible que se haya copiado. Si no la ha usado usted, quítela.
mail-recovery-codes-made = Se han creado códigos de recuperación nuevos. Los anteriores quedan anulados.
mail-new-device = Alguien ha iniciado sesión en un dispositivo que no se había usado antes.
mail-notice-email-changed = Tiene otra dirección: { $address }.
mail-token-made = Se ha creado un token para programas: { $token }.
mail-token-removed = Se ha eliminado un token para programas: { $token }.
mail-cause = Ocurrió el { $date }, con { $device }.
mail-cause-from = Ocurrió el { $date }, desde { $address }, con { $device }.
mail-notice-after = Si ha sido usted, no tiene que hacer nada. Si no, cambie su contraseña, cierre las demás sesiones en { $link } y avise a un administrador.
mail-factors-removed-after = Si no lo ha pedido, avise a un administrador.

mail-approval-subject = { $name } espera aprobación en { $site }
mail-approval = Alguien que recibe correo en { $address } se ha registrado como «{ $name }» en { $site } y espera aprobación.
mail-approval-command = Para aprobar: { $command }
mail-refusal-command = Para rechazar: { $command }
mail-test-subject = El correo de { $site } funciona
mail-test = Un operador de { $site } ha enviado este mensaje para comprobar si el correo funciona. Funciona.
