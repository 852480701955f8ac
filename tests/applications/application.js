// An application of examples/ and AllSpark in front of it, each a process, at ports of their own.
'use strict';

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');

const Primus = require('primus');

const { afterwards } = require('../interop/afterwards');
const { freePort, startServer, within } = require('../interop/server');

const START_MS_MAX = 30_000;
const ROOT = path.join(__dirname, '../..');
const EXAMPLES = path.join(ROOT, 'examples');
const KEY = 'the-key-of-the-chat-in-tests-0123456789';
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

/** Flask, which `scripts/test applications` installs. */
const PYTHON = path.join(ROOT, 'target/applications/env/bin/python');

const COMMANDS = {
  python: [PYTHON, path.join(EXAMPLES, 'python/chat.py')],
  express: [process.execPath, path.join(EXAMPLES, 'express/chat.js')],
  curl: [path.join(EXAMPLES, 'curl/chat.sh'), 'serve'],
};

/** A folder that goes with the test. */
function folder(t) {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), 'allspark-applications-'));
  afterwards(t, () => fs.rmSync(made, { recursive: true, force: true }));
  return made;
}

/** A process of a test, with all that it starts. */
class Process {
  #child;
  #output = '';

  constructor(t, [command, ...args], options) {
    const stdio = ['ignore', 'pipe', 'pipe'];
    this.#child = spawn(command, args, { ...options, detached: true, stdio });
    this.exited = once(this.#child, 'exit');
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => { this.#output += text; });
    }
    afterwards(t, () => this.end());
  }

  get output() {
    return this.#output;
  }

  /** Resolves once `url` is answered. */
  async answers(url) {
    const answered = async () => {
      for (;;) {
        if (this.#child.exitCode !== null) throw new Error(`it has ended: ${this.#output}`);
        const answer = await fetch(url, { signal: AbortSignal.timeout(5000) }).catch(() => null);
        if (answer?.ok) return;
        await sleep(20);
      }
    };
    await within(START_MS_MAX, answered(), () => `${url}: ${this.#output}`);
  }

  /** Ends it and all that it has started, without asking. */
  async end() {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      process.kill(-this.#child.pid, 'SIGKILL');
    }
    await this.exited;
  }
}

/** What of a file is another one here: its ports. */
function adapted(text, { allspark, application }) {
  return text.replaceAll('8080', String(allspark)).replaceAll('3000', String(application));
}

/** The application of this name with AllSpark in front of it. */
async function startChat(t, name) {
  const ports = { allspark: await freePort(), application: await freePort() };
  const files = folder(t);
  const options = path.join(files, 'chat.toml');
  const written = fs.readFileSync(path.join(EXAMPLES, 'chat.toml'), 'utf8');
  fs.writeFileSync(options, adapted(written, ports));
  fs.writeFileSync(path.join(files, 'keys'), `${KEY} publish,read the chat\n`);
  fs.writeFileSync(path.join(files, 'secret'), `${SECRET}\n`);
  const chat = { url: `http://127.0.0.1:${ports.application}` };
  const env = {
    PATH: process.env.PATH,
    CHAT_ALLSPARK: `http://127.0.0.1:${ports.allspark}`,
    CHAT_KEY: KEY,
    CHAT_PORT: String(ports.application),
    CHAT_SECRET: SECRET,
  };
  chat.start = async () => {
    chat.process = new Process(t, COMMANDS[name], { env, cwd: files });
    await chat.process.answers(chat.url);
  };
  chat.server = await startServer(t, {
    app: 'none',
    port: ports.allspark,
    further: [
      '--config', options, '--api-keys-file', path.join(files, 'keys'),
      '--hooks-secret-file', path.join(files, 'secret'),
    ],
  });
  await chat.start();
  return chat;
}

/** A client of Primus from npm, and what it has read. */
class Guest {
  #lines = [];
  #read = [];
  #wake = () => {};

  constructor(server, query) {
    const told = { transformer: 'websockets', pathname: '/primus', parser: 'json' };
    const Client = Primus.createSocket(told);
    this.primus = new Client(`${server.url}${query}`);
    this.ended = once(this.primus, 'end');
    this.primus.on('data', (line) => {
      // The client lives in a realm of its own, whose objects are no equals of ours.
      this.#lines.push({ ...line });
      this.#wake();
    });
    server.afterStop(() => {
      this.primus.end();
      this.primus.recovery.reset();
    });
  }

  say(text) {
    this.primus.write({ text });
  }

  /** The next line that it reads. */
  async line() {
    const next = async () => {
      while (this.#lines.length === 0) await new Promise((resolve) => { this.#wake = resolve; });
      this.#read.push(this.#lines[0]);
      return this.#lines.shift();
    };
    return within(START_MS_MAX, next(), () => `nothing behind ${JSON.stringify(this.#read)}`);
  }
}

module.exports = { adapted, COMMANDS, folder, Guest, Process, ROOT, startChat };
