second-step-title = Segundo paso · { $host }
second-step-heading = Segundo paso
second-step-lead = Inicio de sesión como { $name }, para continuar a { $site }
factor-code = Código de su aplicación de autenticación
factor-code-hint = Seis cifras. Cambian cada 30 segundos.
recovery-use = No tengo mi dispositivo: usar un código de recuperación
recovery-code = Código de recuperación
recovery-code-hint = Diez caracteres, por ejemplo ABCDE-FGH23. Cada código funciona una vez.
second-step-again = Empezar de nuevo
factor-wrong-code = Ese código no es correcto. El código de una aplicación cambia cada 30 segundos y funciona una vez.
sign-in-expired = El inicio de sesión tardó demasiado. Empiece de nuevo.
sign-in-too-many-codes = Demasiados códigos incorrectos. Inicie sesión de nuevo desde el principio.

confirm-factor = Ha iniciado sesión en { $host } como { $name }. Muestre su segundo factor para continuar.
confirm-needs-factor = Ha iniciado sesión en { $host } como { $name }.
confirm-no-factor = Esta página pide un segundo factor, y usted aún no tiene ninguno.
confirm-no-such-factor = Esta página pide un segundo factor de un tipo que usted no ha añadido.
confirm-ask-administrator = Consulte a un administrador.
factor-add = Añadir un segundo factor
refused-factor-title = Muestre un segundo factor
refused-factor = Para esto tiene que demostrar de otra manera que es usted.
refused-factor-link = Confirmar que es usted

factors-title = Segundos factores · { $host }
factors-heading = Segundos factores
factors-lead = Con un segundo factor, su contraseña sola no deja entrar a nadie.
factors-required = Su cuenta necesita un segundo factor. Añada uno.
factors-own = Sus segundos factores
factors-none = Todavía ninguno.
factors-back = Volver a su cuenta
factor-app = Aplicación de autenticación
factor-passkey = Llave de acceso
passkey-synced = sincronizada
factor-added = Añadido el { $date }
factor-added-used = Añadido el { $date }, usado el { $used }
factor-change = Cambiar el nombre o quitar
factor-name = Nombre
factor-name-hint = Para distinguir sus dispositivos, por ejemplo «Teléfono».
factor-rename = Cambiar el nombre
factor-remove = Quitar
factor-end-others = Cerrar sesión en todas las demás partes
factor-wrong-name = Un nombre tiene de 1 a 64 caracteres en una línea.
factor-last-way-in = Sin este ya no podría iniciar sesión. Añada antes otro.
factor-last-required = Su cuenta necesita un segundo factor, y este es el único. Para quitarlo, añada antes otro.
factor-was-added = El segundo factor se ha añadido. A partir de ahora se le pedirá al iniciar sesión.
factor-was-removed = El segundo factor se ha quitado.
factor-was-renamed = Se ha cambiado el nombre.

factor-add-app = Añadir una aplicación de autenticación
factor-app-name = Aplicación de autenticación
add-app-title = Añadir una aplicación de autenticación · { $host }
add-app-heading = Añadir una aplicación de autenticación
add-app-lead = para { $name } en { $host }
add-app-required = Su cuenta en { $host } necesita un segundo factor. Configúrelo ahora para continuar.
enrol-title = Añadir un segundo factor · { $host }
add-app-scan = Escanee este código con una aplicación de autenticación, como Aegis, FreeOTP, Google Authenticator o un gestor de contraseñas.
add-app-qr = Código QR para la aplicación de autenticación
add-app-type = O escriba esta clave en la aplicación:
add-app-open = Abrir en una aplicación de este dispositivo
add-app-submit = Añadir
add-app-cancel = Volver a sus segundos factores
factor-wrong-first-code = Ese código no es correcto. ¿Está en hora el reloj de su dispositivo? Escriba el código que la aplicación muestra ahora.
factor-secret-expired = El código QR ha caducado. Escanee el nuevo.
factor-too-many = Tiene tantos segundos factores como puede tener una cuenta. Quite antes uno.

recovery-codes = Códigos de recuperación
recovery-codes-title = Códigos de recuperación · { $host }
recovery-codes-lead = para { $name } en { $host }
recovery-codes-once = Imprima o anote ahora estos códigos. No se volverán a mostrar.
recovery-codes-hint = Si pierde su dispositivo, uno de estos códigos le permite entrar en su lugar. Cada uno funciona una vez. Los códigos nuevos anulan los anteriores.
recovery-codes-kept = He guardado los códigos
recovery-codes-left =
    { $count ->
        [one] Queda { $count } código.
       *[other] Quedan { $count } códigos.
    }
recovery-codes-new = Crear códigos nuevos
account-factors = Segundos factores
