// Client halves of the plugins on npm, unchanged, in the library that a server serves
// (`Builder::client_plugin_with_library`): with a server of npm primus, which has their server
// halves, and by every way in which the library comes into a program.
'use strict';

const assert = require('node:assert/strict');
const http = require('node:http');
const path = require('node:path');
const { test } = require('node:test');
const { pathToFileURL } = require('node:url');
const vm = require('node:vm');

const NpmServer = require('primus');
const ws = require('ws');

const { listen } = require('../interop/ports');
const { startServer } = require('../interop/server');
const { folderOf } = require('./made');

const next = (emitter, event) => new Promise((resolve) => emitter.once(event, resolve));

/** The plugins, and what each does: the server's part and the client's, with the result of that. */
const PLAYS = {
  'primus-emit': {
    serve: (spark) => spark.on('ask', (value) => spark.emit('told', value)),
    play(client) {
      client.emit('ask', 5);
      return next(client, 'told');
    },
    expected: 5,
  },
  'primus-emitter': {
    serve: (spark) => spark.on('ask', (value, done) => done(value)),
    play: (client) => new Promise((resolve) => client.send('ask', 6, resolve)),
    expected: 6,
  },
  'primus-responder': {
    serve: (spark) => spark.on('request', (value, done) => done(value)),
    play: (client) => new Promise((resolve) => client.writeAndWait(7, resolve)),
    expected: 7,
  },
  substream: {
    serve(spark) {
      const one = spark.substream('one');
      one.on('data', (value) => one.write(value));
    },
    play(client) {
      const one = client.substream('one');
      one.write(8);
      return next(one, 'data');
    },
    expected: 8,
  },
  'primus-multiplex': {
    channel: (spark) => spark.on('data', (value) => spark.write(value)),
    play(client) {
      const news = client.channel('news');
      news.write(9);
      return next(news, 'data');
    },
    expected: 9,
  },
};

/** Resolves with the URL of a server of npm primus that has this plugin. */
async function npmServer(t, name, { serve, channel }) {
  const server = http.createServer();
  const primus = new NpmServer(server, { iknowhttpsisbetter: true });
  t.after(() => primus.destroy());
  primus.plugin(name, require(name));
  if (serve) primus.on('connection', serve);
  if (channel) primus.channel('news').on('connection', channel);
  return `http://127.0.0.1:${await listen(server)}`;
}

/** Resolves with the class by each way, from a server whose library has this plugin. */
async function classes(t, name) {
  const { client, library } = require(name);
  const plugins = [{ name, client: String(client), library: library ?? '' }];
  const folder = folderOf(t, { 'plugins.json': JSON.stringify(plugins) });
  const clientPlugins = path.join(folder, 'plugins.json');
  const server = await startServer(t, { kind: 'allspark', app: 'scripted', clientPlugins });
  const text = async (file) => (await fetch(`${server.url}/primus/${file}`)).text();
  const [script, module] = [await text('primus.js'), await text('primus.mjs')];
  const files = folderOf(t, { 'primus.cjs': script, 'primus.mjs': module });
  const timers = { setTimeout, clearTimeout };
  const page = vm.createContext({ URL, WebSocket: browserSocket, location: {}, crypto, ...timers });
  page.window = page;
  vm.runInContext(script, page);
  return {
    'a script tag': page.Primus,
    require: require(path.join(files, 'primus.cjs')),
    import: (await import(pathToFileURL(path.join(files, 'primus.mjs')))).default,
  };
}

/** A WebSocket with the one argument of a browser's. */
const browserSocket = class extends ws {
  constructor(url) {
    super(url);
  }
};

// Where a plugin does not work, it waits for ever.
const PATIENCE = { timeout: 60_000 };

for (const [name, play] of Object.entries(PLAYS)) {
  test(`${name} works in the served library`, PATIENCE, async (t) => {
    const url = await npmServer(t, name, play);
    for (const [way, Primus] of Object.entries(await classes(t, name))) {
      const client = new Primus(url, { WebSocket: browserSocket });
      assert.ok(name in client.plugin() || require(name).library, way);
      assert.equal(await play.play(client), play.expected, way);
      client.end();
    }
  });
}
