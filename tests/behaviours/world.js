// What a scenario acts in: a server, a proxy before it, and its client.
'use strict';

const { setTimeout: sleep } = require('node:timers/promises');

const { freePort, startServer } = require('../interop/server');
const { Proxy } = require('./proxy');
const { startRefuser } = require('./refuser');

/** The transformers, with what their clients and servers need to be told. */
const TRANSFORMERS = {
  'websockets': {},
  'faye': {},
  'uws': {},
  'engine.io': {},
  // The client of npm gives each of its ways to connect less than a second, by default.
  'sockjs': { client: { transport: { timeout: 20_000 } } },
  'browserchannel': {
    // When the server is gone, the client of npm asks for an image, by default one on the internet.
    client: { transport: { testImageUri: 'http://127.0.0.1:1/' } },
  },
};

// What the machine is busy with is no reason for a timeout that no scenario asks for.
const TIMEOUT_MS = 30_000;

/** The servers of one test file: one of each kind and transformer, shared by all scenarios. */
class Servers {
  #started = new Map();
  #cleanups = [];

  get(kind, transformer) {
    const key = `${kind} ${transformer}`;
    if (!this.#started.has(key)) this.#started.set(key, this.start({ kind, transformer }));
    return this.#started.get(key);
  }

  /** A server that is stopped with all others. It does what messages of its clients say. */
  start(options) {
    const t = { after: (cleanup) => this.#cleanups.push(cleanup) };
    return startServer(t, { app: 'scripted', pingIntervalMs: 'off', ...options });
  }

  async stop() {
    const stops = await Promise.allSettled(this.#cleanups.map((cleanup) => cleanup()));
    const failed = stops.find(({ status }) => status === 'rejected');
    if (failed) throw failed.reason;
  }
}

class World {
  #servers;
  #clients;
  #discards = [];

  constructor(servers, clients, { kind, transformer }) {
    this.#servers = servers;
    this.#clients = clients;
    this.kind = kind;
    this.transformer = transformer;
  }

  /** The server that all scenarios share. */
  server() {
    return this.#servers.get(this.kind, this.transformer);
  }

  /** A server of this scenario alone; `port` is one that can be listened on again. */
  async ownServer(options) {
    const { kind, transformer } = this;
    const server = await this.#servers.start({ kind, transformer, ...options });
    this.#discards.push(() => server.stop());
    return server;
  }

  freePort() {
    return freePort();
  }

  /** A proxy before the server, or before nothing. */
  async proxy({ port } = {}) {
    const proxy = await Proxy.start(port ?? (await this.server()).port);
    this.#discards.push(() => proxy.close());
    return proxy;
  }

  /** A server that refuses everybody. */
  async refuser() {
    const refuser = await startRefuser();
    this.#discards.push(() => refuser.close());
    return refuser;
  }

  /** A client that is open through a proxy, and has come to rest there. */
  async openThrough(proxy, options) {
    const client = await this.open({ url: proxy.url, ...options });
    if (this.transformer === 'engine.io') await proxy.upgraded();
    return client;
  }

  /** A client of the shared server, or of `url`. */
  async create({ url, ...options } = {}, settings) {
    const merged = { transformer: this.transformer, timeout: TIMEOUT_MS, ...options };
    const { transport } = TRANSFORMERS[this.transformer].client ?? {};
    if (transport) merged.transport = { ...transport, ...options.transport };
    const client = await this.#clients.create(url ?? (await this.server()).url, merged, settings);
    this.#discards.unshift(() => client.discard());
    return client;
  }

  /** A client that is open. */
  async open(options, settings) {
    const client = await this.create(options, settings);
    await client.trace.wait('open');
    return client;
  }

  /** Has the server end a client that is to come back, and waits until it means to. */
  async lose(client) {
    client.write({ do: 'end', reconnect: true });
    await client.trace.wait('reconnect scheduled');
  }

  sleep(ms) {
    return sleep(ms);
  }

  /** Puts everything away: the clients first, so that they do not look for their servers. */
  async discard() {
    for (const discard of this.#discards) await discard();
  }
}

module.exports = { Servers, TRANSFORMERS, World };
