// Every scenario against every server and transformer, for one kind of client.
'use strict';

const { after, describe, test } = require('node:test');

const { sequenceFor } = require('./differences');
const { assertInvariants } = require('./invariants');
const { Lag } = require('./lag');
const { SCENARIOS } = require('./scenarios');
const { Stage } = require('./stage');
const { Servers, TRANSFORMERS, World } = require('./world');

// Scenarios wait more than they work.
const CONCURRENCY = 24;
// For how long nothing may come after what is expected.
const QUIET_MS = 60;
const LATE_MS_MAX = 2_000;

// For all plays of a scenario together.
const limits = { timeout: 240_000 };
// A scenario that fails while its processes stood still for so long, all in all, is played again,
// alone, so often.
const STALLED_MS_MAX = 20;
const SOLOS_MAX = 3;

/**
 * Registers the tests for `clients`, one of clients/, against the `kinds` of servers that
 * startServer (../interop/server.js) knows.
 */
function run(clients, kinds = ['node', 'allspark']) {
  const [servers, stage, lag] = [new Servers(), new Stage(), new Lag()];
  clients.onStall?.((ms) => lag.add(ms));
  describe(`the client ${clients.name}`, { concurrency: CONCURRENCY }, () => {
    after(async () => {
      lag.stop();
      await servers.stop();
      await clients.stop?.();
    });
    for (const cell of cells(clients, kinds)) {
      const { scenario, kind, transformer } = cell;
      test(`${clients.name} to ${kind} by ${transformer}: ${scenario.name}`, limits, () => {
        return playUndisturbed(() => play(cell, new World(servers, clients, cell)), stage, lag);
      });
    }
  });
}

function* cells(clients, kinds) {
  for (const scenario of SCENARIOS) {
    if (scenario.clients && !scenario.clients.includes(clients.name)) continue;
    for (const kind of kinds) {
      for (const transformer of scenario.transformers ?? Object.keys(TRANSFORMERS)) {
        // Its server does not load on a current Node.js.
        if (kind === 'node' && transformer === 'uws') continue;
        yield { scenario, kind, transformer, client: clients.name };
      }
    }
  }
}

/** Plays again what failed while the machine was busy with something else. */
async function playUndisturbed(playOnce, stage, lag) {
  for (let solos = 0; ; solos += 1) {
    let begun;
    const timed = () => {
      begun = performance.now();
      return playOnce();
    };
    try {
      return await (solos === 0 ? stage.together(timed) : stage.alone(timed));
    } catch (error) {
      if (solos === SOLOS_MAX || lag.since(begun) < STALLED_MS_MAX) throw error;
    }
  }
}

async function play(cell, world) {
  const { scenario } = cell;
  try {
    const client = await scenario.run(world, cell);
    if (client === undefined) return;
    const expected = sequenceFor(cell);
    // What is still on its way from another process.
    await client.trace.until(() => client.trace.is(expected), '', LATE_MS_MAX).catch(() => {});
    await world.sleep(QUIET_MS);
    client.trace.assertIs(expected);
    assertInvariants(client.trace, cell);
    await scenario.check?.(client.trace, cell);
  } finally {
    await world.discard();
  }
}

module.exports = { run };
