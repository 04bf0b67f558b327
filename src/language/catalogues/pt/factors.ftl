second-step-title = Segundo passo · { $host }
second-step-heading = Segundo passo
second-step-lead = Início de sessão como { $name }, para continuar para { $site }
factor-code = Código da sua aplicação de autenticação
factor-code-hint = Seis algarismos. Mudam a cada 30 segundos.
recovery-use = Não tenho o meu dispositivo: usar um código de recuperação
recovery-code = Código de recuperação
recovery-code-hint = Dez caracteres, por exemplo ABCDE-FGH23. Cada código funciona uma vez.
second-step-again = Começar de novo
factor-wrong-code = Esse código não está correto. O código de uma aplicação muda a cada 30 segundos e funciona uma vez.
sign-in-expired = O início de sessão demorou demasiado. Comece de novo.
sign-in-too-many-codes = Demasiados códigos errados. Inicie sessão novamente desde o princípio.

confirm-factor = Tem sessão iniciada em { $host } como { $name }. Mostre o seu segundo fator para continuar.
confirm-needs-factor = Tem sessão iniciada em { $host } como { $name }.
confirm-no-factor = Esta página pede um segundo fator, e ainda não tem nenhum.
confirm-no-such-factor = Esta página pede um segundo fator de um tipo que não adicionou.
confirm-ask-administrator = Contacte um administrador.
factor-add = Adicionar um segundo fator
refused-factor-title = Mostre um segundo fator
refused-factor = Para isto tem de provar a sua identidade de outra forma.
refused-factor-link = Confirmar a sua identidade

factors-title = Segundos fatores · { $host }
factors-heading = Segundos fatores
factors-lead = Com um segundo fator, a sua palavra-passe sozinha não deixa entrar ninguém.
factors-required = A sua conta precisa de um segundo fator. Adicione um.
factors-own = Os seus segundos fatores
factors-none = Ainda nenhum.
factors-back = Voltar à sua conta
factor-app = Aplicação de autenticação
factor-passkey = Chave de acesso
passkey-synced = sincronizada
factor-added = Adicionado em { $date }
factor-added-used = Adicionado em { $date }, usado em { $used }
factor-change = Mudar o nome ou remover
factor-name = Nome
factor-name-hint = Para distinguir os seus dispositivos, por exemplo «Telemóvel».
factor-rename = Mudar o nome
factor-remove = Remover
factor-end-others = Terminar sessão em todos os outros lugares
factor-wrong-name = Um nome tem de 1 a 64 caracteres numa linha.
factor-last-way-in = Sem este já não poderia iniciar sessão. Adicione primeiro outro.
factor-last-required = A sua conta precisa de um segundo fator, e este é o único. Para o remover, adicione primeiro outro.
factor-was-added = O segundo fator foi adicionado. A partir de agora ser-lhe-á pedido ao iniciar sessão.
factor-was-removed = O segundo fator foi removido.
factor-was-renamed = O nome foi alterado.

factor-add-app = Adicionar uma aplicação de autenticação
factor-app-name = Aplicação de autenticação
add-app-title = Adicionar uma aplicação de autenticação · { $host }
add-app-heading = Adicionar uma aplicação de autenticação
add-app-lead = para { $name } em { $host }
add-app-required = A sua conta em { $host } precisa de um segundo fator. Configure-o agora para continuar.
enrol-title = Adicionar um segundo fator · { $host }
add-app-scan = Leia este código com uma aplicação de autenticação, como Aegis, FreeOTP, Google Authenticator ou um gestor de palavras-passe.
add-app-qr = Código QR para a aplicação de autenticação
add-app-type = Ou escreva esta chave na aplicação:
add-app-open = Abrir numa aplicação deste dispositivo
add-app-submit = Adicionar
add-app-cancel = Voltar aos seus segundos fatores
factor-wrong-first-code = Esse código não está correto. O relógio do seu dispositivo está certo? Escreva o código que a aplicação mostra agora.
factor-secret-expired = O código QR expirou. Leia o novo.
factor-too-many = Tem tantos segundos fatores quantos uma conta pode ter. Remova primeiro um.

recovery-codes = Códigos de recuperação
recovery-codes-title = Códigos de recuperação · { $host }
recovery-codes-lead = para { $name } em { $host }
recovery-codes-once = Imprima ou anote agora estes códigos. Não voltarão a ser mostrados.
recovery-codes-hint = Se perder o seu dispositivo, um destes códigos permite-lhe entrar em vez dele. Cada um funciona uma vez. Códigos novos anulam os antigos.
recovery-codes-kept = Guardei os códigos
recovery-codes-left =
    { $count ->
        [one] Resta { $count } código.
       *[other] Restam { $count } códigos.
    }
recovery-codes-new = Criar códigos novos
account-factors = Segundos fatores
