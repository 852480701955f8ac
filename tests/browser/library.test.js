// Our own library in a real browser: each transport, in a page of another site that trusts nobody
// but itself and the server; a server that is started again; a network that goes away.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { afterwards } = require('../interop/afterwards');
const { freePort, startServer, within } = require('../interop/server');
const { startBrowser } = require('./browser');
const { startSite } = require('./site');
const { visitorsBy } = require('./visitors');

const STEP_MS_MAX = 60_000;
const CONCURRENCY = 4;
const COUNT = 200;
// Impatient: a test waits for each attempt.
const RECONNECT = { min: 50, max: 500, retries: 100 };

// Transports, with the options that force them and the channels that they then use.
const TRANSPORTS = {
  'websockets': { websocket: {} },
  'faye': { websocket: {} },
  'uws': { websocket: {} },
  'engine.io': {
    upgrade: { uses: ['polling', 'websocket'] },
    polling: { transport: { transports: ['polling'] } },
    websocket: { transport: { transports: ['websocket'] } },
  },
  'sockjs': {
    // By itself it would try the others while there is no server.
    'websocket': { transport: { transports: ['websocket'] } },
    'xhr-streaming': { transport: { transports: ['xhr-streaming'] } },
    'eventsource': { transport: { transports: ['eventsource'] } },
    'xhr-polling': { transport: { transports: ['xhr-polling'] } },
  },
  // By itself it tries again for a while, whatever happens.
  'browserchannel': {
    streaming: { transport: { failFast: true } },
    polling: { transport: { failFast: true }, uses: ['polling', 'streaming'] },
  },
};
const VALUES = [
  '', 'plain', 'a\u2028b\u2029c', '"quotes" \\', '</script>', '%41%', 'Grüße 👋🏽 𝄞 \ufeff',
  '\0\x1e\x7f\r\n', 'x'.repeat(100 * 1024), 'é👋\u2028'.repeat(10 * 1024),
  0, -1.5e-7, true, null, [], [[1], {}], { greeting: { 'häl"lo': [1, 'two', null] } },
  ...Array.from({ length: COUNT }, (_, n) => n),
];

test('every transport', { concurrency: CONCURRENCY }, async (t) => {
  const browser = await startBrowser(t);
  await Promise.all(cases().map((subject) => {
    const { transformer, name, server, way } = subject;
    const title = `${transformer} by ${name} to ${server}, from a ${way}`;
    return t.test(title, (t) => judge(t, browser, subject));
  }));
});

/** What the library for old browsers does in ways of its own. */
const LEGACY = ['engine.io polling', 'sockjs xhr-streaming', 'browserchannel streaming'];

/**
 * All with the library of a server of everything, some also with that for old browsers; each with
 * that of a server of its own.
 */
function cases() {
  return Object.entries(TRANSPORTS).flatMap(([transformer, transports]) => {
    const all = Object.entries(transports).map(([name, { uses = [name], ...options }]) => (
      { transformer, name, uses, options, server: 'any', way: 'module' }
    ));
    const old = all.filter(({ name }) => LEGACY.includes(`${transformer} ${name}`));
    return [
      ...all,
      ...old.map((subject) => ({ ...subject, way: 'legacy script' })),
      { ...all[0], server: transformer, way: 'script' },
    ];
  });
}

async function judge(t, browser, { transformer, name, uses, options, server, way }) {
  const site = await startSite(t, visitorsBy(way));
  const start = { transformer: server, port: await freePort() };
  site.upstream = await startServer(t, start);
  const page = await openPage(t, browser, site);
  const channels = new Channels(page);
  if (transformer === 'browserchannel' && name === 'polling') await holdAnswersBack(page);

  const visit = await openVisit(page, site, { transformer, reconnect: RECONNECT, ...options });
  await echo(visit);
  // A channel shows when something comes on it, which may have been too late for that.
  const talk = echoUntil(visit, () => channels.have(uses));
  await within(STEP_MS_MAX, talk, () => `the channels ${channels.names}`);
  await echo(visit);
  await site.upstream.kill('SIGKILL');
  await step(visit, (visit) => visit.saw('reconnect scheduled'));
  await startServer(t, start);
  await step(visit, (visit) => visit.saw('open', 2));
  await echo(visit);
  assert.deepEqual(channels.names, uses);

  const events = await step(visit, (visit) => {
    visit.primus.end();
    return visit.saw('end');
  });
  assert.match(
    events.filter((event) => !event.startsWith('error: ')).join(),
    /^open,close,(reconnect scheduled,reconnect,)+reconnected,open,close,end$/,
  );
}

test('a network that goes away and comes back', async (t) => {
  const site = await startSite(t, visitorsBy('module'));
  site.upstream = await startServer(t, { transformer: 'any' });
  const browser = await startBrowser(t);
  const visits = await Promise.all(Object.keys(TRANSPORTS).map(async (transformer) => {
    const page = await openPage(t, browser, site);
    return openVisit(page, site, { transformer, reconnect: RECONNECT });
  }));
  await browser.setOffline(true);
  for (const visit of visits) await step(visit, (visit) => visit.saw('end'));
  await browser.setOffline(false);
  for (const visit of visits) {
    const events = await step(visit, (visit) => visit.saw('open', 2));
    assert.match(
      events.join(),
      /^open,offline,close,end,online,(reconnect scheduled,reconnect,)+reconnected,open$/,
    );
    await echo(visit);
  }
});

async function openPage(t, browser, site) {
  const page = await browser.newPage();
  afterwards(t, () => page.close());
  await page.goto(site.url);
  assert.deepEqual(await page.evaluate(() => forbidden), ['EvalError']);
  return page;
}

/** A handle of a visit that is open. */
async function openVisit(page, site, options) {
  const visit = await page.evaluateHandle(([url, options]) => visit(url, options), [
    site.upstream.url,
    options,
  ]);
  await step(visit, (visit) => visit.saw('open'));
  return visit;
}

async function echo(visit) {
  assert.deepEqual(await step(visit, (visit, values) => visit.echo(values), VALUES), VALUES);
}

async function echoUntil(visit, isEnough) {
  while (!isEnough()) await echo(visit);
}

/** The channels that the clients of a page use. */
class Channels {
  #used = new Set();

  constructor(page) {
    page.on('request', (request) => {
      const channel = Object.keys(CHANNELS).find((name) => CHANNELS[name].test(request.url()));
      if (channel) this.#used.add(channel);
    });
    page.on('websocket', (socket) => {
      // Before that it may be one that is only tried.
      socket.on('framereceived', ({ payload }) => {
        if (payload !== PROBED) this.#used.add('websocket');
      });
    });
  }

  get names() {
    return [...this.#used].sort();
  }

  have(names) {
    return names.every((name) => this.#used.has(name));
  }
}

// What engine.io says on a WebSocket before it moves to it.
const PROBED = '3probe';
const CHANNELS = {
  'polling': /[?&](transport=polling|RID=rpc.*&CI=1)(&|$)/,
  'streaming': /[?&]RID=rpc.*&CI=0(&|$)/,
  'xhr-streaming': /\/xhr_streaming\b/,
  'eventsource': /\/eventsource\b/,
  'xhr-polling': /\/xhr(\?|$)/,
};

/** As something between a browser and a server does that passes on what is complete. */
async function holdAnswersBack(page) {
  await page.route(/\/primus\/test\b/, async (route) => {
    try {
      await route.fulfill({ response: await route.fetch() });
    } catch {
      // The client or the server was faster, and went away.
      await route.abort().catch(() => {});
    }
  });
}

/** What a function in the page resolves with, in time. */
function step(visit, run, argument) {
  return within(STEP_MS_MAX, visit.evaluate(run, argument), () => String(run));
}
