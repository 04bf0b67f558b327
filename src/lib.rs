//! Portcullis puts a login in front of web applications that have none: HTTPS in, plain HTTP out,
//! identity in headers. This page is the tour, and the description of the architecture that holds.
//!
//! # The life of a request
//!
//! [`server`] accepts a connection, does TLS, and speaks HTTP/1.1 or HTTP/2, whichever ALPN chose.
//! [`Gateway::handle`] is the one way in from there. It loads one [`Snapshot`] of the configuration
//! and goes through these steps, each in a file of `gateway`; each makes a value that the next one needs:
//!
//! 1. **Read.** [`Target::read`] settles method, host, path and client address. A path has become a
//!    [`NormalPath`], with every reading of it that upstreams are known to make. A path that could hold
//!    dot segments in one of them, and a head that two servers could read differently, are refused here.
//! 2. **Route.** A host that no app names gets 421.
//!    [`Policy::route`] finds the app. Paths below `/.gateway/` belong to no app and go
//!    to the [`Portal`] after the sender is identified; one that may change an account is handled on a task of its own, which
//!    goes on when the client disconnects ([`portal::is_worked_off`]). The script of a service worker is refused unless the
//!    app may have [`Workers`].
//! 3. **Identify.** A credential of a program in `Authorization` that is for the gateway ([`ProgramSettings`]) → [`Account`] →
//!    [`Account::program`] → [`Identity::Program`], which carries the scope of the credential; it is cut out of the request.
//!    Otherwise: cookie → [`SessionToken`] → its hash → [`Sessions::present`] → [`Account`] →
//!    [`Identity`], all as of now. [`Account::identity`] is the only way from a session to an
//!    identity: it checks that the user is active and that the password is still the one of the sign-in. Without a valid
//!    session the sender is [`Identity::Anonymous`]; while a store fails, a request that needs a sign-in gets a 503. A
//!    connection keeps no identity: cookie, session and account are looked up for every request.
//! 4. **Decide.** [`decide`] is a pure function of policy, app, identity, proofs, time and target. It gives a
//!    [`Permit`], or names the step that is missing, or asks for a sign-in, or denies. [`rule_on`] is the same decision, explained. A CORS preflight of an
//!    origin that the app trusts, which lacks nothing but a sign-in, gets its permit of [`permit_preflight`].
//!    If a session came with the request and it changes something, [`Senders::judge`] then checks which site sent it.
//! 5. **Forward.** A request needs a slot among those in flight, of its client and to its app ([`InFlight`]), and holds it
//!    until its response has left. [`Forwarder::forward`] takes the [`Permit`] with the [`Target`] that was judged, so that
//!    no undecided request goes out, and no other than the judged one. Headers of the client that only the gateway may send
//!    are removed first, then hop-by-hop headers; the gateway's own are added last. The task of the client connection, or of
//!    the HTTP/2 stream, writes to the upstream's socket and reads from it: no other task is woken in between. The end of a response is decided
//!    once, from its head, and a response that could be read in two ways is a [`Fault`]. Changes to the session data that the
//!    app asks for in its response are taken out of it, and made before it goes on.
//!    [`Shield::complete`] adds the header fields that the app's response lacks, and removes those that would harm the
//!    gateway's own pages.
//! 6. **Finish.** Every early end is a [`Refusal`], whose text a stranger may see; a [`Fault`] of the upstream is logged
//!    and becomes one. When the last byte has left, or the client has disconnected, the request's entry goes to the
//!    [`AccessLog`].
//!
//! # The modules
//!
//! Each line may use what stands above it, if its last column says so, and nothing below.
//! `tests/it/layering.rs` holds the code against this table.
//!
//! | layer | module | what it is | knows |
//! | --- | --- | --- | --- |
//! | values | [`clock`] | the time, which tests move | |
//! | | [`identity`] | users, groups, permissions by name; who a request comes from, how that was proved, and by which backend | `clock` |
//! | | [`interim`] | interim responses between an upstream and a client of HTTP/1.1 | |
//! | | [`stall`] | a limit on the silence of a peer | |
//! | | [`pace`] | a minimum rate for a peer | |
//! | | [`happy_eyeballs`] | connecting to the first of several addresses that accepts | |
//! | | [`store`] | machinery that stores share: a SQLite database with its thread, the connection to Redis, private files, the key that seals secrets | |
//! | | [`error_chain`] | an error with all its sources, for a log message | |
//! | | [`escape`] | escaped text, which cannot steer a terminal | |
//! | | [`language`] | texts of pages and mails in the language of their reader, from Fluent catalogues | `clock`, `escape` |
//! | telemetry | [`telemetry`] | access log, audit stream, messages, their writers; metrics | `clock`, `escape` |
//! | reading | [`request`] | the target of a request: host, path, client address, read once and strictly; its body | |
//! | | [`pages`] | templates and contents of the gateway's pages and mails, and the headers of all its responses | `clock`, `language` |
//! | | [`refusal`] | refusals, and their responses: a page or a problem | `language`, `pages`; of `identity` one type |
//! | rules | [`access`] | access rules and the decision; pure | `clock` (times), `identity`, `request` |
//! | | [`shield`] | the check of the sender (CSRF), and header fields that responses lack; pure | `request` |
//! | | [`client_certificate`] | authorities of client certificates, revocation lists, the user that a certificate names | `clock`, `error_chain`, `identity` |
//! | state | [`session`] | sessions and their branches on other hosts, one-time entries: tokens, cookies, time limits, the cache, the stores behind it | values |
//! | | [`throttle`] | how often a password may be guessed: counters, waits, device cookies | values |
//! | | [`users`] | accounts in SQLite with the identities linked to them and their second factors, their cache, and the threads that hash passwords | values |
//! | | [`mail`] | a queue of messages on the disk, and their delivery by SMTP; the words come from `portal` | values |
//! | | [`auth`] | one way to check a credential: throttle, backend, audit stream, count | values, `telemetry`, `throttle`, `users`; the tokens of `session`, and its record of the backend |
//! | | [`assertion`] | signed assertions about users for applications, and their keys | `clock`, `identity`, `store`, `users`; the sessions of `session` |
//! | | [`in_flight`] | limits on requests in flight, of each client and to each app | `identity`, `request` |
//! | actions | [`forward`] | forwarding of allowed requests: headers, upstream connections, bodies, upgrades | values, `request`, [`Permit`], the cookies' names |
//! | | [`portal`] | the gateway's own pages: sign-in with its steps, sign-out, account, factors, registration, first user; the words of its mails | values, `telemetry`, reading, state |
//! | the walk | [`snapshot`] | the compiled configuration, as requests see it | `request`, `refusal`, rules, the limits of `session`, `in_flight`, `auth::programs`, actions |
//! | | [`gateway`] | the steps above, a file each | all above but `pages`; of `auth` the credentials of programs |
//! | edge | [`server`] | sockets, TLS, workers, redirect, status, control socket, signals | values, `telemetry`, `request`, `session`, `gateway`; of `users` one type, of `forward` two |
//! | outside | [`config`] | `gateway.toml`: parsed, checked, compiled; every mistake at once | the types that it makes |
//! | | [`assembly`] | makes a gateway from a configuration, and reloads it | the modules of its parts |
//! | | `fuzzing` | private functions for fuzz targets; compiled for them and for tests alone | what they test |
//! | | [`cli`] | the command line: one file a command | the modules whose data the commands show and change |
//!
//! Dependencies that must never exist, and why:
//!
//! - `access` on a running clock, on I/O or on anything async: a decision can then be explained, and tested
//!   in tables.
//! - `forward` on sessions, users or passwords: it can't leak what it never sees. Of the session it
//!   knows the cookie's name, to cut it out.
//! - `users` and `session` on each other: an [`Account`] judges the credential version that a
//!   session carries, whatever a session is.
//! - Anything on `config`, but for `assembly` and `cli`: nobody else knows that there is TOML.
//! - Anything below `server` on sockets: `Gateway::handle` runs as well in a test.
//!
//! # Where to add what
//!
//! `CONTRIBUTING.md` has the steps.
//!
//! | new | place |
//! | --- | --- |
//! | a page | a row of `portal/page_table.rs`, a file in `portal/`; what it shows in `pages/contents/` and `pages/templates/` |
//! | a password that is kept elsewhere, a provider | a backend beside `auth/ldap/` and `auth/oidc/` |
//! | a second factor | a file beside `auth/second_factor.rs` and `auth/passkey.rs`, with a function of [`SignIn`]; its method in `identity/proof.rs` |
//! | a credential of a program | `auth/programs/` |
//! | a store of sessions | a folder beside `session/redis/` that implements [`SessionStore`] |
//! | a mail | `portal/letters.rs`; its texts in `language/catalogues/*/mail.ftl` |
//! | a language | a folder in `language/catalogues/` |
//! | a key of the configuration | `config/keys.rs`, and the file of its section in `config/` |
//! | a command | a file in `cli/` |
//! | a header that no client may send | a row of `forward/header_table.rs` |
//!
//! # Where state lives
//!
//! | state | owner | until |
//! | --- | --- | --- |
//! | apps, rules, groups → permissions, session limits | [`Snapshot`] | the next reload |
//! | certificates | [`Certificates`] | the next reload |
//! | authorities of client certificates | [`Snapshot`]; for handshakes, [`TlsSettings`] | the next reload; their revocation lists, a change of the files |
//! | the judgement of a client certificate | the client connection | half a minute, the next reload, a change of the lists |
//! | failed sign-ins | [`Throttle`]: in memory and behind it in SQLite, or in the Redis of the sessions | a day without any; a success |
//! | sessions | a [`SessionStore`], [`FileStore`] or [`MemoryStore`], behind the cache of [`Sessions`] | their two time limits, sign-out; in memory, a restart |
//! | users | SQLite in the state folder, read through the cache of [`Directory`], which notices changes of other processes | removed |
//! | passwords that wait to be checked | [`Passwords`], bounded | checked |
//! | addresses of upstreams by name | [`Resolver`], shared by all workers | a day without a successful look-up; a look-up that says the name does not exist |
//! | upstream connections | the [`Forwarder`] of a worker; while in use, the request or its response body; once a user has authenticated on one, the client connection | idle too long, closed by the upstream, unasked bytes, a request body that may be unread, a response not read to its end; the end of the client connection |
//! | what is counted | [`Metrics`], a set of counters for each worker | a restart |
//! | mail that waits | SQLite in the state folder, behind [`Outbox`] | delivered, given up after two days, its link expired |
//! | one-time links | the users' database, as hashes | used, expired, anything changed that they were made for |
//! | how many requests are in flight | [`InFlight`] | the last one's end |
//! | passwords of programs that were right in the last minute | [`ProgramSignIn`], under a key of the process | a minute; a changed credential |
//! | keys of signed assertions | files that gateways may share, read by [`Assertions`] | an hour after the next key signs |
//! | signed assertions | the [`AssertionCache`] of a worker | half of their life; another account, proofs, settings or key |
//! | the open set-up link | [`SetupLink`] | used, an hour, a restart |
//! | forms that came after the end of a session | one-time entries of the [`SessionStore`], encrypted with a key that a cookie holds | shown, a quarter of an hour |
//! | attempts to sign in at a provider | one-time entries of the [`SessionStore`]; a cookie for each attempt | used, ten minutes |
//! | metadata and keys of a provider | its [`Provider`] | an hour, the next good response; a reload with other settings |
//!
//! No `static` changes but the subscriber of the log.
//!
//! # Threads
//!
//! [`Server::run`] starts one thread for each worker, by default one for each core. A worker has a single-threaded runtime, an
//! accept loop, connections and a [`Gateway`] of its own, with its own connections to upstreams. Its requests share no lock
//! with those of other workers but those of the session cache, the account cache and the table of [`InFlight`], which most
//! requests need not look at. Slow work has threads of its own:
//!
//! | thread | work |
//! | --- | --- |
//! | those of [`Passwords`], a bounded number | password checks |
//! | that of [`Directory`] | the users' database |
//! | the two of [`FileStore`] | the sessions' database |
//! | that of [`Throttle`] | failed sign-ins on disk |
//! | that of [`ProviderThread`] | calls to OpenID Connect providers |
//! | the two of [`Outbox`] | the queue of mail; its delivery |
//! | those of [`LogWriter`] and [`MessageWriter`] | access log and messages: a slow reader of them delays no request |
//! | one for each look-up | names of upstreams |
//! | two for each directory ([`LdapPool`], [`Refresh`]) | its connections, and the look-up of those who are signed in |
//! | that of [`Assertions`] | keys of assertions in their folder |
//! | that of sign-out notices | tells apps of the end of sessions |
//! | one each | revocation lists that have changed on disk, the status listener, the control socket, signals, reloads |
//!
//! A worker that dies ends the process, and the service manager starts another.
//!
//! Each database is the file that its path leads to, and not the one that was opened once: its thread follows the
//! path ([`Database`]), and a file that was put in its place is opened.
//!
//! # What a reload changes
//!
//! SIGHUP, or `portcullis reload` through the control socket, makes [`config::load`] read the file again and [`Reloader::apply`] use it: apps, rules,
//! groups, backends, session limits, the throttle's limits, shields, HSTS, trusted proxies, body limits,
//! certificates, keys of assertions, the mail server; whole, from the next request on, without ending a connection. Requests under way that take
//! long are decided again, see `gateway::long_requests`, and end if they would be refused now. With a mistake in the
//! file nothing changes. Addresses, the public port, workers, the state folder, the session store, `min_version`, and the sections
//! `[password]`, `[limits]` (but for bodies) and `[log]` wait for a restart, because sockets and threads were made
//! from them; a reload names those of them that have changed.
//!
//! [`AccessLog`]: telemetry::AccessLog
//! [`Account`]: users::Account
//! [`AssertionCache`]: assertion::AssertionCache
//! [`Assertions`]: assertion::Assertions
//! [`Account::identity`]: users::Account::identity
//! [`Account::program`]: users::Account::program
//! [`Certificates`]: server::Certificates
//! [`Directory`]: users::Directory
//! [`Fault`]: forward::Fault
//! [`FileStore`]: session::FileStore
//! [`Forwarder`]: forward::Forwarder
//! [`Forwarder::forward`]: forward::Forwarder::forward
//! [`Gateway`]: gateway::Gateway
//! [`Gateway::handle`]: gateway::Gateway::handle
//! [`Identity`]: identity::Identity
//! [`Identity::Program`]: identity::Identity::Program
//! [`InFlight`]: in_flight::InFlight
//! [`Identity::Anonymous`]: identity::Identity::Anonymous
//! [`LdapPool`]: auth::ldap::LdapPool
//! [`LogWriter`]: telemetry::LogWriter
//! [`MemoryStore`]: session::MemoryStore
//! [`MessageWriter`]: telemetry::MessageWriter
//! [`Metrics`]: telemetry::Metrics
//! [`Provider`]: auth::oidc::Provider
//! [`ProgramSettings`]: auth::programs::ProgramSettings
//! [`ProgramSignIn`]: auth::programs::ProgramSignIn
//! [`ProviderThread`]: auth::oidc::ProviderThread
//! [`Resolver`]: forward::Resolver
//! [`NormalPath`]: request::NormalPath
//! [`Database`]: store::sqlite::Database
//! [`Outbox`]: mail::Outbox
//! [`Passwords`]: users::Passwords
//! [`Permit`]: access::Permit
//! [`Policy::route`]: access::Policy::route
//! [`Portal`]: portal::Portal
//! [`Refusal`]: refusal::Refusal
//! [`Refresh`]: auth::ldap::Refresh
//! [`Reloader::apply`]: assembly::Reloader::apply
//! [`Senders::judge`]: shield::Senders::judge
//! [`Server::run`]: server::Server::run
//! [`SessionStore`]: session::SessionStore
//! [`SessionToken`]: session::SessionToken
//! [`Sessions`]: session::Sessions
//! [`SetupLink`]: auth::SetupLink
//! [`SignIn`]: auth::SignIn
//! [`Shield::complete`]: shield::Shield::complete
//! [`Sessions::present`]: session::Sessions::present
//! [`Snapshot`]: snapshot::Snapshot
//! [`Target`]: request::Target
//! [`Target::read`]: request::Target::read
//! [`TlsSettings`]: server::TlsSettings
//! [`Throttle`]: throttle::Throttle
//! [`Workers`]: shield::Workers
//! [`decide`]: access::decide
//! [`permit_preflight`]: access::permit_preflight
//! [`rule_on`]: access::rule_on

pub mod access;
pub mod assembly;
pub mod assertion;
pub mod auth;
pub mod cli;
pub mod client_certificate;
pub mod clock;
pub mod config;
pub mod error_chain;
pub mod escape;
pub mod forward;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod gateway;
pub mod happy_eyeballs;
pub mod identity;
pub mod in_flight;
pub mod interim;
pub mod language;
pub mod mail;
pub mod pace;
pub mod pages;
pub mod portal;
pub mod refusal;
pub mod request;
pub mod server;
pub mod session;
pub mod shield;
pub mod snapshot;
pub mod stall;
pub mod store;
pub mod telemetry;
pub mod throttle;
pub mod users;
