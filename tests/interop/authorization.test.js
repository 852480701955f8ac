// Who may connect: what the npm client sees of a server that asks for a credential.
'use strict';

const assert = require('node:assert/strict');
const { createHmac } = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const Primus = require('primus');

const { event, record } = require('./clients');
const { differsFromNode, startServer } = require('./server');

const ours = differsFromNode('who may connect is a function there');
const TRANSFORMERS = ['websockets', 'faye', 'engine.io', 'sockjs', 'browserchannel'];
const SECRET = 'a secret of at least thirty-two bytes';

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

function jwt(claims) {
  const message = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
  const signature = createHmac('sha256', SECRET).update(message).digest('base64url');
  return `${message}.${signature}`;
}

const seconds = (fromNow) => Math.floor(Date.now() / 1000) + fromNow;

/** A server that asks for JWTs. */
async function start(t, transformer, ...more) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'allspark-authorization-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'secret');
  fs.writeFileSync(file, SECRET);
  const further = ['--auth-jwt-secret-file', file, '--auth-jwt-leeway', '0', ...more];
  return startServer(t, { transformer, further });
}

/** A client as a server with an `authorization` function makes it. */
function connect(server, transformer, query, options = {}) {
  const Client = Primus.createSocket({ transformer, parser: 'json', authorization: () => {} });
  const client = new Client(server.url + query, { reconnect: { min: 10 }, ...options });
  server.afterStop(() => {
    client.end();
    client.recovery.reset();
  });
  return client;
}

for (const transformer of TRANSFORMERS) {
  const name = `${transformer}: who has no token is refused, who has one is let in`;
  test(name, ours, async (t) => {
    const server = await start(t, transformer);
    const refused = connect(server, transformer, '');
    const attempts = record(refused, 'reconnect scheduled');
    const opened = record(refused, 'open');
    await event(refused, 'end');
    assert.deepEqual([opened.length, attempts.length], [0, 0]);
    const token = jwt({ sub: 'ann', exp: seconds(600) });
    const client = connect(server, transformer, `/?token=${token}`);
    await event(client, 'open');
    client.write('hello');
    assert.equal(await event(client, 'data'), 'hello');
  });
}

function isLetIn(client) {
  return Promise.race([
    event(client, 'open').then(() => true, () => false),
    event(client, 'end').then(() => false, () => false),
  ]);
}

/** A client, made by `connect`, whose token expires soon, but after it was let in. */
async function shortLived(connect) {
  for (let lifetime = 2; lifetime < 100; lifetime *= 2) {
    const client = connect(jwt({ exp: seconds(lifetime) }));
    // Otherwise this machine is slow at the moment.
    if (await isLetIn(client)) return client;
  }
  throw new Error('nobody is let in');
}

test('a token that expires ends its spark', ours, async (t) => {
  // Together, as they mostly wait.
  await Promise.all([
    staysAway(t),
    refreshes(t, 'websockets'),
    refreshes(t, 'engine.io'),
    renews(t, 'websockets'),
    renews(t, 'engine.io', { websockets: false }),
    renews(t, 'sockjs', { websockets: false, transport: { timeout: 20_000 } }),
    renews(t, 'browserchannel'),
  ]);
});

/**
 * Who sends a new token when it is asked for one stays connected, although its polls go on showing
 * the one that it came with.
 */
async function renews(t, transformer, options) {
  const server = await start(t, transformer, '--auth-expiry', 'refresh');
  let short;
  const client = await shortLived((token) => {
    short = token;
    return connect(server, transformer, `/?token=${token}`, options);
  });
  const lost = record(client, 'close');
  assert.equal((await event(client, 'data')).authorization, 'refresh');
  const expires = seconds(600);
  client.write(`primus::authorization::${jwt({ exp: expires })}`);
  const renewed = { authorization: 'renewed', expires: expires * 1000 };
  assert.deepEqual({ ...(await event(client, 'data')) }, renewed);
  // Until the first one counts no more.
  for (let counts = true; counts;) {
    const late = connect(server, transformer, `/?token=${short}`, options);
    counts = await isLetIn(late);
    late.end();
  }
  // More than one poll.
  for (const word of ['still', 'here']) {
    client.write(word);
    assert.equal(await event(client, 'data'), word);
  }
  assert.equal(lost.length, 0);
}

/** Unless it is told otherwise, the client stays away. */
async function staysAway(t) {
  const server = await start(t, 'websockets');
  const client = await shortLived((token) => connect(server, 'websockets', `/?token=${token}`));
  const attempts = record(client, 'reconnect scheduled');
  await event(client, 'end');
  assert.equal(attempts.length, 0);
}

/** Who is asked to refresh comes back with a new token. */
async function refreshes(t, transformer) {
  const server = await start(t, transformer, '--auth-expiry', 'refresh');
  let token;
  const client = await shortLived((short) => {
    token = short;
    const opening = connect(server, transformer, '/?token=x');
    opening.on('outgoing::url', (url) => { url.query = `token=${token}`; });
    return opening;
  });
  const request = await event(client, 'data');
  assert.equal(request.authorization, 'refresh');
  assert.equal(typeof request.expires, 'number');
  token = jwt({ exp: seconds(600) });
  await event(client, 'reconnected');
  client.write('back');
  assert.equal(await event(client, 'data'), 'back');
}
