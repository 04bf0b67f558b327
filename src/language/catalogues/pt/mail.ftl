mail-once = Pode ser usada uma vez, durante { $time }.
mail-nothing-to-do = Se não foi o próprio, não precisa de fazer nada.

mail-reset-subject = Definir uma nova palavra-passe para { $site }
mail-reset = Alguém pediu uma nova palavra-passe para a conta «{ $name }» em { $site }. Se foi o próprio, abra esta ligação.
mail-reset-link = Definir uma nova palavra-passe
mail-reset-after = Se não foi o próprio, não precisa de fazer nada: a sua palavra-passe fica como está.

mail-invitation-subject = Tem um convite para { $site }
mail-invitation = Há uma conta «{ $name }» para si em { $site }. Abra esta ligação para escolher a palavra-passe.
mail-invitation-link = Escolher uma palavra-passe
mail-invitation-after = Se não sabe do que se trata, não precisa de fazer nada.

mail-registration-subject = Conclua o seu registo em { $site }
mail-registration = Alguém quer criar uma conta com este endereço em { $site }. Se foi o próprio, abra esta ligação para escolher um nome e uma palavra-passe.
mail-registration-link = Concluir o registo
mail-registration-after = Se não foi o próprio, não precisa de fazer nada: nenhuma conta é criada.

mail-known-subject = Já tem uma conta em { $site }
mail-known = Alguém queria criar uma conta com este endereço em { $site }. Já existe uma: «{ $name }». Se se esqueceu da palavra-passe, pode definir uma nova.
mail-known-link = Palavra-passe esquecida

mail-elsewhere-subject = A sua palavra-passe para { $site }
mail-elsewhere = Alguém pediu uma nova palavra-passe para a conta «{ $name }» em { $site }. A sua palavra-passe não é gerida aqui. Inicia sessão com { $backends }, e é aí que pode ser alterada.

mail-email-subject = Confirme o seu novo endereço para { $site }
mail-email = Alguém quer que este endereço seja o da conta «{ $name }» em { $site }. Se foi o próprio, abra esta ligação e inicie sessão como «{ $name }».
mail-email-link = Confirmar o endereço
mail-email-after = Se não foi o próprio, não precisa de fazer nada: nada muda.

mail-email-changed-subject = O seu endereço para { $site } foi alterado
mail-email-changed = A conta «{ $name }» em { $site } tem agora outro endereço: { $address }. A partir de agora, as mensagens vão para lá.
mail-undo = Se não foi o próprio, abra esta ligação. Repõe este endereço, termina todas as sessões e permite-lhe definir uma nova palavra-passe.
mail-undo-link = Anular a alteração

mail-approved-subject = A sua conta em { $site } está pronta
mail-approved = A sua conta «{ $name }» em { $site } foi aprovada. Já pode iniciar sessão.

mail-notice-subject = A sua conta em { $site } foi alterada
mail-new-device-subject = Novo início de sessão na sua conta em { $site }
mail-notice = Trata-se da conta «{ $name }» em { $site }. { $what }
mail-password-changed = Tem uma nova palavra-passe.
mail-factor-added = Foi adicionado um segundo fator: { $factor }.
mail-factor-removed = Foi removido um segundo fator: { $factor }.
mail-factors-removed-by-operator = Um administrador removeu segundos fatores: { $factors }. A sua sessão foi terminada em todo o lado.
mail-recovery-code-used = Foi usado um código de recuperação para iniciar sessão. { $left ->
    [0] Era o último. Crie novos na página da sua conta.
    [one] Restam { $left }.
   *[other] Restam { $left }.
}
mail-passkey-may-be-copied = A sua chave de acesso «{ $name }» foi usada e o seu contador não aumentou. Pode ter sido copiada. Se não a usou, remova-a.
mail-recovery-codes-made = Foram criados novos códigos de recuperação. Os antigos deixaram de ser válidos.
mail-new-device = Alguém iniciou sessão num dispositivo que ainda não tinha sido usado.
mail-notice-email-changed = Tem outro endereço: { $address }.
mail-token-made = Foi criado um token para programas: { $token }.
mail-token-removed = Foi removido um token para programas: { $token }.
mail-cause = Aconteceu em { $date }, com { $device }.
mail-cause-from = Aconteceu em { $date }, a partir de { $address }, com { $device }.
mail-notice-after = Se foi o próprio, não precisa de fazer nada. Se não, altere a sua palavra-passe, termine as outras sessões em { $link } e avise um administrador.
mail-factors-removed-after = Se não o pediu, avise um administrador.

mail-approval-subject = { $name } aguarda aprovação em { $site }
mail-approval = Alguém que recebe correio em { $address } registou-se como «{ $name }» em { $site } e aguarda aprovação.
mail-approval-command = Para aprovar: { $command }
mail-refusal-command = Para recusar: { $command }
mail-test-subject = O correio de { $site } funciona
mail-test = Um operador de { $site } enviou esta mensagem para verificar se o correio funciona. Funciona.
