// nginx and HAProxy as docs/DEPLOY.md configures them, on ports of their own.
'use strict';

const { execFileSync, spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');

const { afterwards } = require('../interop/afterwards');
const { freePort, within } = require('../interop/server');

const START_MS_MAX = 20_000;
const DEPLOY = path.join(__dirname, '../../deploy');

/** Where the configurations of deploy/ have AllSpark, and themselves. */
const ALLSPARK = '127.0.0.1:8080';
const ALLSPARK_TLS = '127.0.0.1:8443';

/** What of a configuration is another one here; each of them must occur in it. */
function adapted(file, changes) {
  let text = fs.readFileSync(path.join(DEPLOY, file), 'utf8');
  for (const [from, to] of changes) {
    if (!text.includes(from)) throw new Error(`${file} has no ${from}`);
    text = text.replaceAll(from, to);
  }
  return text;
}

/** A folder that goes with the test. */
function folder(t) {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), 'allspark-proxy-'));
  afterwards(t, () => fs.rmSync(made, { recursive: true, force: true }));
  return made;
}

/** A certificate for nobody in particular, and its key: paths of two files, and of one of both. */
function certificate(into) {
  const names = ['cert.pem', 'key.pem', 'both.pem'];
  const [cert, key, both] = names.map((name) => path.join(into, name));
  execFileSync('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
    '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1',
    '-keyout', key, '-out', cert,
  ], { stdio: 'ignore' });
  fs.writeFileSync(both, fs.readFileSync(cert) + fs.readFileSync(key));
  return { cert, key, both };
}

/**
 * nginx with deploy/nginx.conf in front of `upstream`, with further `changes` of it:
 * `{ http, https }`, the URLs at which it is.
 */
async function startNginx(t, upstream, changes = []) {
  const place = folder(t);
  const { cert, key } = certificate(place);
  const [plain, secure] = [await freePort(), await freePort()];
  const site = adapted('nginx.conf', [
    [`server ${ALLSPARK};`, `server ${upstream};`],
    ['listen 80;', `listen 127.0.0.1:${plain};`],
    ['listen 443 ssl;', `listen 127.0.0.1:${secure} ssl;`],
    ['/etc/ssl/private/chat.example.org.pem', cert],
    ['/etc/ssl/private/chat.example.org.key', key],
    ...changes,
  ]);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const main = [
    'daemon off; master_process off; pid nginx.pid; error_log stderr warn;',
    'events { worker_connections 1024; }',
    'http {',
    '  access_log off;',
    ...temporary.map((name) => `  ${name}_temp_path ${name};`),
    site,
    '}',
  ].join('\n');
  fs.writeFileSync(path.join(place, 'main.conf'), main);
  await run(t, 'nginx', ['-p', place, '-e', 'stderr', '-c', 'main.conf'], [plain, secure]);
  return { http: `http://127.0.0.1:${plain}`, https: `https://127.0.0.1:${secure}` };
}

/** HAProxy with deploy/haproxy.cfg, which ends TLS, the same way. */
function startHaproxy(t, upstream) {
  const place = folder(t);
  const { both } = certificate(place);
  return startHaproxyWith(t, place, 'haproxy.cfg', [
    [` ${ALLSPARK} `, ` ${upstream} `],
    ['/etc/haproxy/chat.example.org.pem', both],
  ]);
}

/** HAProxy with deploy/haproxy-tcp.cfg in front of a server that speaks without TLS and with. */
function startHaproxyTcp(t, plain, secure, changes = []) {
  return startHaproxyWith(t, folder(t), 'haproxy-tcp.cfg', [
    [` ${ALLSPARK} `, ` ${plain} `],
    [` ${ALLSPARK_TLS} `, ` ${secure} `],
    ...changes,
  ]);
}

async function startHaproxyWith(t, place, file, changes) {
  const [plain, secure] = [await freePort(), await freePort()];
  const config = adapted(file, [
    ['bind :80', `bind 127.0.0.1:${plain}`],
    ['bind :443', `bind 127.0.0.1:${secure}`],
    // It takes as many descriptors as it needs for that, or does not start.
    ['maxconn 100000', 'maxconn 1000'],
    ...changes,
  ]);
  const name = path.join(place, 'haproxy.cfg');
  fs.writeFileSync(name, config);
  await run(t, 'haproxy', ['-db', '-f', name], [plain, secure]);
  return { http: `http://127.0.0.1:${plain}`, https: `https://127.0.0.1:${secure}` };
}

/** Starts a proxy and resolves once it accepts on its ports; it ends with the test. */
async function run(t, command, args, ports) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk) => { said = (said + chunk).slice(-4096); });
  }
  const exited = once(child, 'exit').then(() => { throw new Error(`${command} ended: ${said}`); });
  // Only while it starts does anybody wait for this.
  exited.catch(() => {});
  afterwards(t, () => child.kill('SIGKILL'));
  const accepts = Promise.all(ports.map(accepted));
  await within(START_MS_MAX, Promise.race([accepts, exited]), () => `${command} at work: ${said}`);
}

async function accepted(port) {
  for (;;) {
    const probe = net.connect(port, '127.0.0.1');
    const is = await new Promise((resolve) => {
      probe.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    probe.destroy();
    if (is) return;
    await sleep(10);
  }
}

module.exports = { folder, startHaproxy, startHaproxyTcp, startNginx };
