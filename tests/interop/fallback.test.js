// Where io_uring is forbidden, as in most containers, `--driver auto` falls back to epoll and says
// why, and `--driver uring` refuses in a sentence that tells the operator what to do.
'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const test = require('node:test');

const { allsparkBinary, cleanEnvironment, peer } = require('./server');

// Installs a seccomp filter that answers io_uring_setup (425) with EPERM, as the profiles of Docker
// and containerd do, and becomes the program in its arguments. Perl is part of every Debian.
const FORBID_URING = `
  my $filter = pack('(SCCL)*',
    0x20, 0, 0, 0,            # load the number of the system call
    0x15, 0, 1, 425,          # io_uring_setup?
    0x06, 0, 0, 0x00050001,   # then fail with EPERM
    0x06, 0, 0, 0x7fff0000);  # else allow
  my $program = pack('S x6 P', 4, $filter);
  syscall(157, 38, 1, 0, 0, 0) == 0 or die "no_new_privs: $!";
  syscall(157, 22, 2, $program) == 0 or die "seccomp: $!";
  exec @ARGV or die "exec: $!";
`;

function serveWithoutUring(...args) {
  const command = [allsparkBinary(), 'serve', '--listen', '127.0.0.1:0', ...args];
  const child = spawn('perl', ['-e', FORBID_URING, ...command], { env: cleanEnvironment() });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => { output += text; });
  }
  return { child, output: () => output };
}

const onlyAllSpark = peer === 'node' ? { skip: 'a question of AllSpark alone' } : {};

test('auto runs on epoll and says why', onlyAllSpark, async (t) => {
  const { child, output } = serveWithoutUring('--driver', 'auto');
  t.after(() => child.kill('SIGKILL'));
  const ended = once(child, 'close').then(() => assert.fail(`it has ended: ${output()}`));
  // Later it is to end.
  ended.catch(() => {});
  while (!/127\.0\.0\.1:\d+/.test(output())) {
    await Promise.race([once(child.stdout, 'data'), once(child.stderr, 'data'), ended]);
  }
  assert.match(output(), /epoll/);
  assert.match(output(), /seccomp/);
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});

test('uring refuses and tells the operator what to do', onlyAllSpark, async () => {
  const { child, output } = serveWithoutUring('--driver', 'uring');
  const [code] = await once(child, 'close');
  assert.notEqual(code, 0);
  assert.match(output(), /seccomp/);
  assert.match(output(), /--driver epoll/);
});
