// Checks assertions with nothing but the published keys: JWKS-URL AUDIENCE ISSUER, and a token a line.
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';

const [tools, url, audience, issuer] = process.argv.slice(2);
const { createRemoteJWKSet, jwtVerify } = await import(createRequire(`${tools}/`).resolve('jose'));
const keys = createRemoteJWKSet(new URL(url));
for await (const line of createInterface({ input: process.stdin })) {
  try {
    const { payload } = await jwtVerify(line.trim(), keys, { audience, issuer, algorithms: ['ES256'], typ: 'JWT' });
    console.log(JSON.stringify({ ok: payload }));
  } catch (error) {
    console.log(JSON.stringify({ error: error.code ?? error.name }));
  }
}
