// A certified OpenID Connect provider, for tests and for trying things out.
//
//     node provider.mjs FOLDER < settings.json
//
// FOLDER has oidc-provider in its node_modules. The first line on standard output is the issuer; then one line of JSON is
// read: { "id", "secret", "gateways": ["https://localhost:8443"], "name": "op" }. Every user name signs in, with any
// password; a user with "admin" in the name is in the group `admins`, and all are in `people`. One with "mfa" in the name has
// shown a second factor, as `amr` says, and one with "acr" as `acr` says.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const { Provider } = await import(pathToFileURL(`${process.argv[2]}/node_modules/oidc-provider/lib/index.js`));

let respond = (_, response) => response.writeHead(503).end();
const server = createServer((request, response) => respond(request, response));
await new Promise((listening) => server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;
console.log(issuer);

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { id, secret, gateways, name } = JSON.parse((await lines.next()).value);
const pages = gateways.map((gateway) => `${gateway}/.gateway/oidc/${name}`);

const MULTI_FACTOR = 'https://refeds.org/profile/mfa';
const provider = new Provider(issuer, {
  clients: [{
    client_id: id,
    client_secret: secret,
    redirect_uris: pages.map((page) => `${page}/callback`),
    post_logout_redirect_uris: pages.map((page) => `${page}/signed-out`),
    backchannel_logout_uri: `${pages[0]}/logout`,
    backchannel_logout_session_required: true,
  }],
  claims: {
    openid: ['sub', 'amr', 'acr'],
    email: ['email', 'email_verified'],
    profile: ['name', 'preferred_username'],
    groups: ['groups'],
  },
  acrValues: [MULTI_FACTOR],
  scopes: ['openid', 'email', 'profile', 'groups'],
  features: { backchannelLogout: { enabled: true } },
  // Without its own dispatcher, which lets no logout token out to this machine.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  cookies: { keys: ['only for tests'] },
  findAccount: (_, user) => ({
    accountId: user,
    claims: () => ({
      sub: user,
      email: `${user}@example.com`,
      email_verified: true,
      name: `${user[0].toUpperCase()}${user.slice(1)} Example`,
      preferred_username: user,
      groups: user.includes('admin') ? ['people', 'admins'] : ['people'],
    }),
  }),
});
const finish = provider.interactionFinished.bind(provider);
provider.interactionFinished = (request, response, result, options) => {
  const user = result.login?.accountId ?? '';
  if (user.includes('mfa')) result.login.amr = ['pwd', 'mfa'];
  if (user.includes('acr')) result.login.acr = MULTI_FACTOR;
  return finish(request, response, result, options);
};
provider.on('server_error', (_, error) => console.error(error));
provider.on('backchannel.error', (_, error) => console.error(error));
respond = provider.callback();
console.log('ready');
