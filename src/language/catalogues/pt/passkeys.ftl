### Passkeys: adding one, and signing in with one.

passkey-use = Usar uma chave de acesso
passkey-cancelled = Nenhuma chave de acesso foi usada. Tente de novo ou escolha outro caminho.
passkey-known = Este dispositivo já tem uma chave de acesso para a sua conta.
passkey-needs-script-here = A sua chave de acesso precisa de um navegador com chaves de acesso e de JavaScript.
passkey-wrong = Essa chave de acesso não iniciou a sessão. Tente de novo ou escolha outro caminho.

passkey-add-title = Adicionar uma chave de acesso · { $host }
passkey-add-heading = Adicionar uma chave de acesso
passkey-add-lead = Uma chave de acesso para { $host } inicia a sessão com a sua impressão digital, o seu rosto ou o PIN do seu dispositivo, e não pode ser entregue a uma página falsa.
passkey-name = Nome
passkey-name-hint = Para a distinguir de outras mais tarde. Se ficar vazio, recebe o nome do seu fabricante.
passkey-create = Criar uma chave de acesso
passkey-add-back = Voltar aos seus segundos fatores
passkey-added-title = Chave de acesso adicionada · { $host }
passkey-added-heading = Chave de acesso adicionada
passkey-added-lead = A partir de agora pode iniciar sessão com { $name }.
passkey-added-codes = Estes são os seus códigos de recuperação. Cada um serve uma vez em vez da sua chave de acesso, se a perder. Anote-os ou imprima esta página: não voltam a ser mostrados.
passkey-needs-script = Isto precisa de um navegador com chaves de acesso e de JavaScript. Uma aplicação de autenticação funciona sem ambos.
passkey-not-added = Não foi possível adicionar essa chave de acesso. Tente de novo.
passkey-added-already = Essa chave de acesso já pertence a uma conta.
passkey-too-many = Tem tantos segundos fatores quantos uma conta pode ter. Remova primeiro um.
passkey-name-invalid = Um nome tem de 1 a 64 caracteres numa linha.
# The name of a passkey to which its owner has given none.
passkey-added-on = Chave de acesso, adicionada em { $date }
