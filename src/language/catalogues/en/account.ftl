### The account page: profile, sessions, connected sign-ins; and the list of applications.

account-title = Your account · { $host }
account-lead = Your account on { $host }
account-profile = Your profile
account-user-name = User name
account-email = Email
account-no-email = None
account-groups = Groups
account-no-groups = None
account-permissions = Permissions
account-no-permissions = None
account-superuser = Superuser
account-last-sign-in = Last sign-in
account-sign-in-by = Sign in again by
account-change-password = Change password
account-change-profile = Change profile
account-activity = Activity
account-hint-portal = Signing out ends this sign-in, for every application that you use in this browser. Your sessions in other browsers stay open.
account-hint = Signing out ends this session in this browser, for everything on { $host }. Your sessions in other browsers and on other hosts stay open.

## Connected sign-ins

connections-heading = Connected sign-ins
connections-ended = No longer valid
# $date and $used are points in time.
connections-connected = Connected { $date }
connections-connected-used = Connected { $date }, used { $used }
connections-disconnect = Disconnect
connections-connect = Connect { $provider }
connections-hint = With a connected sign-in you come to this account. Disconnecting one signs you out everywhere else.
connections-last-way-in = You could not sign in any more without this one. Connect another sign-in first.
connections-linked = The sign-in is connected. From now on you can sign in with it.
connections-unlinked = The sign-in is disconnected. You are signed out everywhere else.

## Sessions

sessions-heading = Where you are signed in
sessions-this = This session
sessions-remembered = Kept signed in
sessions-in-use = In use now
# $ago is a text such as “3 hours ago”.
sessions-used = Used { $ago }
# $date is a point in time, $address a network address.
sessions-signed-in = Signed in { $date } from { $address }
sessions-signed-in-host = Signed in { $date } to { $host } from { $address }
sessions-reached = Applications used: { $hosts }
sessions-incomplete = Your other sessions can’t be shown at the moment.
sessions-end-others = Sign out everywhere else
sessions-end-everywhere = Sign out everywhere
sessions-ended = That session has ended.
sessions-others-ended = You are signed out everywhere else.

## The browser or program of a session, at the beginning of a line. $program is its name: “Firefox”.

device-iphone = { $program } on an iPhone
device-ipad = { $program } on an iPad
device-android = { $program } on Android
device-windows = { $program } on Windows
device-chromeos = { $program } on ChromeOS
device-mac = { $program } on a Mac
device-freebsd = { $program } on FreeBSD
device-openbsd = { $program } on OpenBSD
device-linux = { $program } on Linux
device-unknown-program = An unknown program
device-go-program = A Go program
device-android-app = An Android app

## Applications

apps-title = Your applications · { $host }
apps-signed-in = Signed in as { $name }
apps-none = There is no application that you may use yet. If you expected one, ask an administrator.
