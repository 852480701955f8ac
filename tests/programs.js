// Builds every test of the workspace and runs its programs several at a time, where `cargo test
// --workspace --all-targets` runs one after the other: most of them wait for most of their time.
// Benchmarks are among them and run once each, so that none of them rots; nothing is measured.
// `node tests/programs.js --test load --test hostile` runs these only.
//
// What a program says is printed as a whole once it has ended. All run, and then this fails if one
// of them did.
'use strict';

const { spawn, spawnSync } = require('node:child_process');
const os = require('node:os');
const path = require('node:path');

const AT_A_TIME = Number(process.env.TEST_PROGRAMS || os.availableParallelism() + 1);
const OUTPUT_BYTES_MAX = 1024 ** 3;

/** How long after its end what a program has said may still be on its way. */
const PIPES_MS = 5000;

/** What takes longest starts first, so that nobody waits for it alone. */
const LONGEST = ['contract', 'load', 'polling', 'hostile'];

main();

async function main() {
  const waiting = programs(build());
  const failed = [];
  const work = async () => {
    for (let program; (program = waiting.shift()) !== undefined;) {
      const { output, passed, seconds } = await run(program);
      process.stdout.write(`\n-- ${program.title} (${seconds.toFixed(1)} s)\n${output}`);
      if (!passed) failed.push(program.title);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
  if (failed.length > 0) {
    console.error(`\nfailed: ${failed.join(', ')}`);
    process.exitCode = 1;
  }
}

/** Has Cargo build everything, and returns what it says of each artifact. */
function build() {
  const chosen = process.argv.length > 2 ? process.argv.slice(2) : ['--all-targets'];
  const args = ['test', '--workspace', '--no-run', '--message-format=json-render-diagnostics'];
  const { status, stdout } = spawnSync('cargo', [...args, ...chosen], {
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: OUTPUT_BYTES_MAX,
  });
  if (status !== 0) process.exit(1);
  return stdout.toString().trim().split('\n').map((line) => JSON.parse(line));
}

/** The programs that are tests, longest first, each with the folder in which Cargo would run it. */
function programs(messages) {
  const tests = messages.filter(({ executable, profile }) => executable && profile.test);
  if (tests.length === 0) throw new Error('Cargo names no tests');
  const rank = (name) => (LONGEST.indexOf(name) + LONGEST.length + 1) % (LONGEST.length + 1);
  return tests
    .map(({ executable, manifest_path: manifest, target }) => {
      const folder = path.dirname(manifest);
      return { name: target.name, title: path.relative('', target.src_path), executable, folder };
    })
    .sort((a, b) => rank(a.name) - rank(b.name));
}

/** Runs a program with the variables that Cargo gives to tests and that they may look for. */
function run({ executable, folder }) {
  const begun = performance.now();
  const env = { ...process.env, CARGO: process.env.CARGO || 'cargo', CARGO_MANIFEST_DIR: folder };
  const child = spawn(executable, [], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => said.push(part));
  return new Promise((resolve, reject) => {
    const end = (code) => {
      const seconds = (performance.now() - begun) / 1000;
      resolve({ output: Buffer.concat(said).toString(), passed: code === 0, seconds });
    };
    child.on('error', reject);
    child.on('close', end);
    // A server that a failed test has left behind may have the pipes, too.
    child.on('exit', () => {
      const streams = [child.stdout, child.stderr];
      setTimeout(() => streams.forEach((stream) => stream.destroy()), PIPES_MS).unref();
    });
  });
}
