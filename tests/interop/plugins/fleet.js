// What the tests of a fleet share: servers with omega-supreme and metroplex, their clients, Redis.
'use strict';

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const Redis = require('ioredis');

const { open } = require('../clients');
const { request } = require('../raw');
const { startServer, within } = require('../server');

const TOLD_MS_MAX = 30_000;
const PATH = '/primus/omega/supreme';
const PASSWORD = 'only the fleet knows';

/** A server with these options of the plugins: `{ omega, metroplex }`. */
function startMember(t, kind, { omega = {}, metroplex, ...options } = {}) {
  const fleet = { omega: { password: PASSWORD, ...omega }, ...(metroplex && { metroplex }) };
  const further = ['--fleet', JSON.stringify(fleet)];
  return startServer(t, { app: 'fleet', kind, further, ...options });
}

/** The header that is right. */
function basic(username = 'omega', password = PASSWORD) {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** A request with the right header: `{ status, headers, body }`. */
function put(server, body, headers = { authorization: basic() }) {
  const text = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  return request(server, 'PUT', PATH, { headers, body: text });
}

/** A client that keeps what it is sent, answers to its commands apart. */
class Client {
  messages = [];
  #client;
  #answers = [];

  static async open(server) {
    const client = new Client();
    client.server = server;
    client.#client = await open(server);
    client.#client.on('data', (data) => client.#take(structuredClone(data)));
    client.id = (await client.ask({ do: 'id' })).done;
    return client;
  }

  /** Resolves with the answer to a command. */
  ask(command) {
    const answer = new Promise((resolve) => this.#answers.push(resolve));
    this.#client.write(command);
    return within(TOLD_MS_MAX, answer, () => `an answer to ${JSON.stringify(command)}`);
  }

  /** Resolves with all messages so far, once there are so many. */
  async got(count) {
    return within(TOLD_MS_MAX, this.#until(count), () => {
      return `${count} messages, not ${JSON.stringify(this.messages)}`;
    });
  }

  end() {
    this.#client.end();
  }

  async #until(count) {
    while (this.messages.length < count) await once(this.#client, 'data');
    return this.messages;
  }

  #take(data) {
    if (data !== null && (Object.hasOwn(data, 'done') || Object.hasOwn(data, 'failed'))) {
      this.#answers.shift()(data);
    } else {
      this.messages.push(data);
    }
  }
}

/** A Redis of its own, on a socket in a folder of its own. It forgets everything when it ends. */
class OwnRedis {
  #child;

  /** Starts it. It has to be ended with `stop`, after whoever uses it. */
  static async start() {
    const redis = new OwnRedis();
    redis.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'allspark-redis-'));
    redis.socket = path.join(redis.folder, 'redis.sock');
    redis.url = `redis+unix://${redis.socket}`;
    redis.client = new Redis(redis.socket, { lazyConnect: true, maxRetriesPerRequest: null });
    redis.client.on('error', () => {});
    await redis.begin();
    return redis;
  }

  async stop() {
    this.client.disconnect();
    await this.kill();
    fs.rmSync(this.folder, { recursive: true });
  }

  /** Starts it, and again after it was killed. */
  async begin() {
    const none = ['--port', '0', '--save', '', '--appendonly', 'no'];
    const options = [...none, '--unixsocket', this.socket];
    options.push('--dir', this.folder, '--daemonize', 'no');
    this.#child = spawn('redis-server', options, { stdio: 'ignore' });
    this.exited = once(this.#child, 'exit');
    await eventually(async () => (await this.client.ping()) === 'PONG');
  }

  async kill() {
    this.#child.kill('SIGKILL');
    await this.exited;
  }

  /** Everything that the registry holds, without signs of life. */
  async registry() {
    const servers = (await this.client.smembers('metroplex:servers')).sort();
    const sparks = await this.client.hgetall('metroplex:sparks');
    const of = {};
    for (const server of servers) {
      of[server] = (await this.client.smembers(`metroplex:${server}:sparks`)).sort();
    }
    return { servers, sparks, of };
  }
}

/** Resolves once a condition holds. */
async function eventually(condition, explain = () => String(condition)) {
  const holds = async () => {
    while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  return within(TOLD_MS_MAX, holds(), explain);
}

module.exports = { basic, Client, eventually, OwnRedis, PATH, put, startMember };
