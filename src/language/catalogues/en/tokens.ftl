### API tokens: secrets that programs use in place of a password.

tokens-title = Tokens for programs · { $host }
tokens-heading = Tokens for programs
tokens-lead = Scripts and other programs use a token in place of your password. A token can do what you can do, or less.
tokens-account-link = Tokens for programs
tokens-made = Your new token
tokens-secret = Token
tokens-shown-once = Copy it now: it is not shown again. Anybody who has it can act as you.
tokens-list = Your tokens
tokens-ended = ended
tokens-multi-factor-tag = counts as two factors
# $scope names methods, paths and applications.
tokens-scope = For { $scope }
tokens-scope-all = For everything that you may do
tokens-networks = From { $networks }
tokens-used = Last used { $ago }
tokens-unused = Not used yet
tokens-dates = Made { $created }, ends { $expires }
tokens-revoke = End
tokens-revoked = The token has been ended.
tokens-new = New token
tokens-name = Name
tokens-name-hint = To tell your tokens apart, such as the name of the program.
tokens-days = Lifetime in days
tokens-apps = Applications
tokens-paths = Paths
tokens-methods = Methods
tokens-networks-field = Networks
tokens-scope-hint = All four may stay empty, which means no limit. Separate several values with spaces.
tokens-multi-factor = Let it open what asks for two factors
tokens-make = Make the token
tokens-wrong-lifetime = A token needs a lifetime in whole days, and not more than the form offers.
tokens-wrong-name = A token needs a name of at most 100 characters.
tokens-wrong-scope = A path starts with a slash and may end in /**, and a method is a word such as GET.
tokens-wrong-network = A network is written like 192.0.2.0/24.
tokens-too-many = You have as many tokens as anybody may have. End one of them first.
