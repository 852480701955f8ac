// The clients that engine.io, SockJS and BrowserChannel publish for browsers, in a real browser,
// with each transport in turn: from a page of another site, and from a page of the same origin.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { setTimeout } = require('node:timers/promises');

const { afterwards } = require('../interop/afterwards');
const { peer, startServer, within } = require('../interop/server');
const { startBrowser } = require('./browser');
const { packagesAt } = require('./packages');
const { startSite } = require('./site');

const STEP_MS_MAX = 60_000;
const CONCURRENCY = 4;
const COUNT = 200;
// How long a client may stay away until it is taken for gone. On a busy machine there are seconds
// between the end of one answer and the request for the next.
const AWAY_MS = 6_000;
const GONE_MS_MAX = 3 * AWAY_MS;
const PACE_MS = 20;

const TRANSPORTS = {
  'engine.io': ['polling', 'websocket', 'upgrade'],
  'sockjs': [
    'websocket', 'xhr-streaming', 'eventsource', 'iframe-eventsource', 'iframe-htmlfile',
    'xhr-polling', 'iframe-xhr-polling', 'jsonp-polling',
  ],
  'browserchannel': ['xhr'],
};
// What a client says when the server ended it.
const ENDED = {
  'engine.io': 'transport close',
  'sockjs': '1000 Normal closure',
  'browserchannel': 'Stopped by server',
};
const TEXTS = [
  '', 'plain', 'a\u2028b\u2029c', '"quotes" and \'quotes\' and \\', '</script><!-- ', '%+&=#?;',
  'Grüße 👋🏽 𝄞 \u200c\u00ad\ufeff', '\0\x01\x1e\x1f\x7f\b\f\n\r\t', '2:-',
  'x'.repeat(100 * 1024), 'é👋\u2028'.repeat(10 * 1024),
];

test('every transport', { concurrency: CONCURRENCY }, async (t) => {
  const browser = await startBrowser(t);
  await Promise.all(cases().map((subject) => {
    const { transformer, transport, server, from } = subject;
    const name = `${transformer} by ${transport} to ${server} from ${from}`;
    return t.test(name, (t) => judge(t, browser, subject));
  }));
});

/** All from both, to a server of everything; each transformer also to a server of its own. */
function cases() {
  const all = Object.entries(TRANSPORTS).flatMap(([transformer, transports]) =>
    transports.map((transport) => ({ transformer, transport })));
  // A transport that the client takes only where it needs no leave of the browser.
  const near = [...all, { transformer: 'sockjs', transport: 'htmlfile' }];
  const alone = Object.entries(TRANSPORTS).map(([transformer, [transport]]) => (
    { transformer, transport, server: transformer, from: 'another site' }
  ));
  const served = ({ transformer }) => (peer === 'node' ? transformer : 'any');
  return [
    ...all.map((it) => ({ ...it, server: served(it), from: 'another site' })),
    ...near.map((it) => ({ ...it, server: served(it), from: 'its own origin' })),
    ...(peer === 'node' ? [] : alone),
  ];
}

async function judge(t, browser, { transformer, transport, server: serverName, from }) {
  const site = await startSite(t, packagesAt);
  const server = await startServer(t, {
    app: 'scripted',
    transformer: serverName,
    // Clients without Primus would show its pings as messages.
    pingIntervalMs: 'off',
    transport: serverOptions(transformer, site),
  });
  site.upstream = server;
  const page = await browser.newPage();
  afterwards(t, () => page.close());
  await page.goto(site.url);
  const url = from === 'another site' ? server.url : site.url;
  const connect = () => openClient(page, transformer, url, transport);

  await talk(await connect(), transport);
  await hearTheEnd(await connect(), ENDED[transformer]);
  await connect();
  await page.reload();

  const observer = await connect();
  assert.deepEqual(await countsOnceGone(observer, 3), [4, 3, 0]);
  // A client that has gone lets go of its requests only with its page, and must not be answered.
  await page.close();
  // It would wait for connections that the browser opened ahead of need.
  if (peer === 'node') await server.kill('SIGKILL');
}

function serverOptions(transformer, site) {
  switch (transformer) {
    case 'sockjs': return {
      disconnect_delay: AWAY_MS,
      // AllSpark has a script of its own for the page of the iframe transports.
      ...(peer === 'node' && { sockjs_url: `${site.url}/sockjs.js` }),
    };
    case 'browserchannel': return { sessionTimeoutInterval: AWAY_MS };
    // A poll that the reload stops before it is sent is missed no sooner than a ping.
    case 'engine.io': return { pingInterval: 500, pingTimeout: AWAY_MS };
    default: throw new Error(`unknown transformer ${transformer}`);
  }
}

/** A handle of a client in the page that is open. */
async function openClient(page, ...which) {
  const client = await page.evaluateHandle((which) => connect(...which), which);
  assert.equal(await step(client, (client) => client.open), 'open');
  return client;
}

/** Texts there and back, many messages each way in order, and an end by the client. */
async function talk(client, transport) {
  const used = transport === 'upgrade' ? 'websocket' : transport;
  assert.equal(await client.evaluate((client) => client.transport), used);

  const values = [...textsFor(transport), ...Array.from({ length: COUNT }, (_, n) => n)];
  const commands = values.map((value) => JSON.stringify({ do: 'write', value }));
  const echoed = await step(client, async (client, commands) => {
    for (const command of commands) client.send(command);
    return [...await client.received(commands.length)];
  }, commands);
  assert.deepEqual(echoed.map(JSON.parse), values);

  const counted = await step(client, async (client, count) => {
    client.messages.length = 0;
    client.send(JSON.stringify({ do: 'count', to: count }));
    return client.received(count);
  }, COUNT);
  assert.deepEqual(counted.map(Number), Array.from({ length: COUNT }, (_, n) => n));

  await step(client, (client) => {
    client.end();
    return client.close;
  });
}

/** sockjs-node ends a script of its htmlfile where a message says so; AllSpark escapes that. */
function textsFor(transport) {
  const breaks = peer === 'node' && transport.endsWith('htmlfile');
  return TEXTS.filter((text) => !breaks || !text.includes('</script>'));
}

/** An end by the server: what it said last arrives, and then the client knows. */
async function hearTheEnd(client, wanted) {
  const [reason, received] = await step(client, async (client) => {
    client.send(JSON.stringify({ do: 'end', data: 'bye' }));
    return [await client.close, client.messages];
  });
  assert.deepEqual(received, ['"bye"', '"primus::server::close"']);
  assert.equal(reason, wanted);
}

/** Connections, disconnections and errors once so many clients are gone, or when that is late. */
async function countsOnceGone(observer, gone) {
  const deadline = Date.now() + GONE_MS_MAX;
  for (;;) {
    const answer = await step(observer, async (client) => {
      client.messages.length = 0;
      client.send(JSON.stringify({ do: 'counts' }));
      return (await client.received(1))[0];
    });
    const { connection, disconnection, error } = JSON.parse(answer);
    const isLate = Date.now() > deadline;
    if (disconnection === gone || isLate) return [connection, disconnection, error];
    await setTimeout(PACE_MS);
  }
}

/** What a function in the page resolves with, in time. */
function step(client, run, argument) {
  return within(STEP_MS_MAX, client.evaluate(run, argument), () => String(run));
}
