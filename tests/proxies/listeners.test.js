// Other listeners than those of TCP and HTTP: Unix sockets, without TLS and with; the PROXY
// protocol, by which a proxy that does not look at what is said tells who the client is; and
// sockets that systemd passes.
'use strict';

const path = require('node:path');
const { test } = require('node:test');

const { freePort, startServer } = require('../interop/server');
const { everybodyIsEchoed, logsTheAddress } = require('./list');
const { folder, startHaproxyTcp, startNginx } = require('./proxy');

// No client here knows who has signed the certificate.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';

// What systemd does: it listens, passes the socket as number 3, and becomes the program.
const SYSTEMD = `
  use IO::Socket::INET;
  use POSIX;
  my ($address, @program) = @ARGV;
  $^F = 9; # Up to this number files stay open for the program.
  my %options = (LocalAddr => $address, Listen => 100, ReuseAddr => 1);
  my $socket = IO::Socket::INET->new(%options) or die $!;
  POSIX::dup2(fileno($socket), 3);
  @ENV{'LISTEN_FDS', 'LISTEN_PID'} = (1, $$);
  exec @program;
`;

for (const [name, tls, query, changes] of [
  ['a Unix socket', false, '', []],
  ['a Unix socket with TLS', true, '?tls', [['proxy_pass http:', 'proxy_pass https:']]],
]) {
  test(`nginx, through ${name}`, async (t) => {
    const socket = `unix:${path.join(folder(t), 'allspark.sock')}`;
    const options = { trustedProxies: 'unix', tls };
    const { server, restart } = await startEcho(t, socket + query, options);
    const { http } = await startNginx(t, socket, changes);
    await logsTheAddress(server, http);
    await everybodyIsEchoed(server, http, restart);
  });
}

test('directly, through a socket that systemd passes', async (t) => {
  const at = `127.0.0.1:${await freePort()}`;
  const through = ['perl', '-e', SYSTEMD, at];
  const { server, restart } = await startEcho(t, 'systemd:', { through });
  await everybodyIsEchoed(server, `http://${at}`, restart);
});

for (const [version, changes] of [['2', []], ['1', [['send-proxy-v2', 'send-proxy']]]]) {
  test(`HAProxy that looks at nothing, by version ${version} of the PROXY protocol`, async (t) => {
    const [at, unused] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
    const place = `tcp://${at}?proxy-protocol=required`;
    const { server, restart } = await startEcho(t, place, { trustedProxies: '127.0.0.1' });
    const { http } = await startHaproxyTcp(t, at, unused, changes);
    await logsTheAddress(server, http);
    await everybodyIsEchoed(server, http, restart);
  });
}

test('HAProxy that passes TLS on, by version 2 of the PROXY protocol', async (t) => {
  const [at, unused] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  const place = `tls://${at}?proxy-protocol=required`;
  const options = { trustedProxies: '127.0.0.1', tls: true };
  const { server, restart } = await startEcho(t, place, options);
  const { https } = await startHaproxyTcp(t, unused, at);
  await logsTheAddress(server, https);
  await everybodyIsEchoed(server, https, restart);
});

/** A server that listens in a further place, and what starts it again. */
async function startEcho(t, place, further) {
  const options = {
    app: 'echo',
    transformer: 'any',
    shards: 2,
    further: ['--log', 'debug', '--listen', place],
    ...further,
  };
  const server = await startServer(t, options);
  const restart = async () => {
    await server.kill('SIGTERM');
    await startServer(t, options);
  };
  return { server, restart };
}
