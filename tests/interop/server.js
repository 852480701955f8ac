// Starts the server under test as a process of its own, and stops it again when the test is over.
//
// The environment chooses what is tested:
//   ALLSPARK_PEER    `allspark` (default), or `node`: the real Primus, which judges the tests
//   ALLSPARK_DRIVER  `auto` (default), `uring` or `epoll`
//   ALLSPARK_TLS     `1`: servers speak TLS, unless a test says otherwise (common-tls.test.js)
//   ALLSPARK_BIN     the server; by default the release build, else the debug build
//   ALLSPARK_SCRIPTED_BIN  the same for the server that ends sparks on request (`app: 'scripted'`),
//                          by default the debug build, else the release build
//   ALLSPARK_CHANNELS_BIN  the same for the server with channels (`app: 'channels'`)
//   ALLSPARK_FLEET_BIN  the same for the server of a fleet (`app: 'fleet'`)
//   ALLSPARK_CLIENTS_BIN  the same for the clients in Rust
'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');

const { afterwards } = require('./afterwards');
const { freePort, isRefused } = require('./ports');

// A Node.js that shares its CPU with many others takes that long.
const START_MS_MAX = 30_000;
// Longer than a server that drains waits for clients that poll.
const STOP_MS_MAX = 20_000;
const OUTPUT_CHARS_MAX = 64 * 1024;
const LISTENING = /\b127\.0\.0\.1:([1-9]\d*)\b/;

// Keys and certificates: of an authority, of 127.0.0.1, and of a client.
const KEYS = path.join(__dirname, '../../server/tls/tests/keys');
const TLS = {
  authority: path.join(KEYS, 'authority.crt'),
  localhost: path.join(KEYS, 'localhost.crt'),
  key: path.join(KEYS, 'p256-pkcs8.pem'),
  client: path.join(KEYS, 'ann.crt'),
  clientKey: path.join(KEYS, 'ed25519.pem'),
};

const peer = process.env.ALLSPARK_PEER || 'allspark';
const driver = process.env.ALLSPARK_DRIVER || 'auto';
const speaksTls = process.env.ALLSPARK_TLS === '1';

/**
 * Starts a server and resolves once it listens. It is stopped with the test, and must then still
 * be alive, have reported no panic, and leave with exit code 0.
 *
 * Options: `kind` ('allspark' or 'node', if not the server under test), `app` ('echo',
 * 'broadcast', 'scripted', 'fleet'), `transformer`, `spokenBy` (the transformer of its clients,
 * if it is another one), `transport` (options by name), `compression`, `pingIntervalMs` (a number
 * or 'off'), `maxLength` in bytes, `parser`, `pathname`, `shards`, `port` (0 lets the system
 * choose), and for 'scripted' `clientPlugins`, a file of plugins for the client library, `layers`,
 * steps that set its layers up (tests/support/set_up.rs), `ids`, how the ids begin that it gives,
 * `transforms` and `slowTransforms`, which put the transforms of tests/support/transforms.rs in the
 * way of messages, `openings`, which attaches the `connection` listeners of
 * tests/support/openings.rs, `origins` and `trustedProxies`. `tls` has the server speak TLS, with
 * the certificate of TLS.localhost. `further` are flags. `through` is a command that starts the
 * server, which is what follows it.
 */
async function startServer(t, options = {}) {
  for (;;) {
    const server = new Server(options);
    afterwards(t, () => server.stop());
    await server.listening();
    if (!isRefused(server.port)) return server;
  }
}

class Server {
  #child;
  #output = '';
  #killed = false;
  #beforeStop = [];
  #afterStop = [];

  constructor(options) {
    const { app = 'echo', transformer = 'websockets', kind = peer, ...others } = options;
    const { spokenBy = transformer, through = [], ...rest } = others;
    const told = { tls: speaksTls, ...rest };
    this.spokenBy = spokenBy;
    this.parser = told.parser ?? 'json';
    this.pathname = told.pathname ?? '/primus';
    this.tls = told.tls;
    const [program, args] = commandFor(app, kind);
    args.push('--transformer', transformer, ...flags(told));
    const [command, ...words] = [...through, program, ...args];
    const stdio = ['ignore', 'pipe', 'pipe'];
    this.#child = spawn(command, words, { env: cleanEnvironment(), stdio });
    this.exited = once(this.#child, 'exit').then(([code, signal]) => ({ code, signal }));
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => this.#take(text));
    }
  }

  /** Resolves once the server has said where it listens. */
  async listening() {
    const explain = () => `no start line in: ${this.#output}`;
    this.port = await within(START_MS_MAX, this.#announced(), explain);
    const secure = this.tls ? 's' : '';
    this.url = `http${secure}://127.0.0.1:${this.port}`;
    this.webSocketUrl = `ws${secure}://127.0.0.1:${this.port}${this.pathname}`;
  }

  /** Sends a signal and resolves with `{ code, signal }` once the process is gone. */
  async kill(signal) {
    this.#killed = true;
    this.#child.kill(signal);
    return within(STOP_MS_MAX, this.exited, () => `${signal} did not end it: ${this.#output}`);
  }

  /** Resolves once what the server has said matches, with the match. */
  async said(pattern) {
    const complete = async () => {
      while (!pattern.test(this.#output)) await once(this.#child, 'output');
      return pattern.exec(this.#output);
    };
    return within(START_MS_MAX, complete(), () => `${pattern} in ${this.#output}`);
  }

  /** How often what the server has said matches a global pattern. */
  timesSaid(pattern) {
    return this.#output.match(pattern)?.length ?? 0;
  }

  /** Has something done before the server is stopped, which otherwise still has its clients. */
  beforeStop(cleanup) {
    this.#beforeStop.push(cleanup);
  }

  /** Has something done after the server was stopped, even if that went wrong. */
  afterStop(cleanup) {
    this.#afterStop.push(cleanup);
  }

  /** Ends the server like an operator would, and judges how it went. */
  async stop() {
    try {
      for (const cleanup of this.#beforeStop) cleanup();
      if (!this.#killed) {
        const ended = this.#child.exitCode ?? this.#child.signalCode;
        assert.equal(ended, null, `died early: ${this.#output}`);
        assert.deepEqual(await this.kill('SIGTERM'), { code: 0, signal: null }, this.#output);
      }
      assert.doesNotMatch(this.#output, /panicked|Uncaught/);
    } finally {
      this.#child.kill('SIGKILL');
      for (const cleanup of this.#afterStop) cleanup();
    }
  }

  #take(text) {
    this.#output = (this.#output + text).slice(0, OUTPUT_CHARS_MAX);
    this.#child.emit('output');
  }

  async #announced() {
    for (;;) {
      const match = LISTENING.exec(this.#output);
      if (match) return Number(match[1]);
      const more = once(this.#child, 'output').then(() => null);
      const ended = await Promise.race([more, this.exited]);
      if (ended) throw new Error(`did not start (${JSON.stringify(ended)}): ${this.#output}`);
    }
  }
}

/**
 * Rejects when `promise` takes longer than `ms`. What to say then is computed then.
 */
async function within(ms, promise, explain) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${ms} ms: ${explain()}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

// A heartbeat comes at a random moment of its interval, so it is off unless a test is about it.
function flags({ port = 0, pingIntervalMs = 'off', shards = 1, transport = {}, ...others }) {
  const { compression = false, maxLength, clientPlugins, parser, pathname, further = [] } = others;
  const { ids, layers, openings, origins, slowTransforms, tls, transforms } = others;
  const { trustedProxies } = others;
  const args = ['--listen', `127.0.0.1:${port}`, '--ping-interval', String(pingIntervalMs)];
  args.push('--shards', String(shards), '--driver', driver);
  if (compression) args.push('--compression');
  if (openings) args.push('--openings');
  if (transforms) args.push('--transforms');
  if (slowTransforms) args.push('--slow-transforms');
  if (maxLength !== undefined) args.push('--max-length', String(maxLength));
  if (parser !== undefined) args.push('--parser', parser);
  if (pathname !== undefined) args.push('--pathname', pathname);
  if (ids !== undefined) args.push('--ids', ids);
  if (layers !== undefined) args.push('--layers', JSON.stringify(layers));
  if (origins !== undefined) args.push('--origins', origins);
  if (trustedProxies !== undefined) args.push('--trusted-proxies', trustedProxies);
  if (tls) args.push('--tls-cert', TLS.localhost, '--tls-key', TLS.key);
  args.push(...further);
  if (clientPlugins !== undefined) args.push('--client-plugins', clientPlugins);
  for (const [name, value] of Object.entries(transport)) {
    args.push('--transport', `${name}=${value}`);
  }
  return args;
}

/** Options that skip a test where Node.js Primus knowingly differs from what AllSpark must do. */
function differsFromNode(reason) {
  return peer === 'node' ? { skip: `Node.js Primus differs: ${reason}` } : {};
}

function commandFor(app, kind) {
  if (app === 'channels' && kind === 'node') {
    return [process.execPath, [path.join(__dirname, 'plugins/channels-node.js')]];
  }
  if (app === 'channels') return [binary('ALLSPARK_CHANNELS_BIN', 'examples/channels'), []];
  if (app === 'fleet' && kind === 'node') {
    return [process.execPath, [path.join(__dirname, 'plugins/fleet-node.js')]];
  }
  if (app === 'fleet') return [binary('ALLSPARK_FLEET_BIN', 'examples/fleet'), []];
  const oracle = path.join(__dirname, 'node-server.js');
  if (kind === 'node') return [process.execPath, [oracle, '--app', app]];
  if (app === 'scripted') return [binary('ALLSPARK_SCRIPTED_BIN', 'examples/scripted'), []];
  return [allsparkBinary(), ['serve', '--app', app]];
}

/** The server as `allspark serve` starts it. */
function allsparkBinary() {
  return binary('ALLSPARK_BIN', 'allspark');
}

function binary(variable, name) {
  if (process.env[variable]) return process.env[variable];
  const target = path.join(__dirname, '../../target');
  // What only serves tests is a debug build; an old release build may lie beside it.
  const profiles = name.startsWith('examples/') ? ['debug', 'release'] : ['release', 'debug'];
  const built = profiles.map((profile) => path.join(target, profile, name));
  const found = built.find((file) => fs.existsSync(file));
  if (!found) throw new Error(`not built: ${built.join(' or ')}`);
  return found;
}

/** The server reads variables of these names too; a test says what it means by flags alone. */
function cleanEnvironment() {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('ALLSPARK_'));
  return Object.fromEntries(kept);
}

module.exports = {
  allsparkBinary,
  binary,
  cleanEnvironment,
  differsFromNode,
  freePort,
  peer,
  startServer,
  TLS,
  within,
};
