// Every scenario against every server and transformer, for one kind of client.
'use strict';

const { after, describe, test } = require('node:test');

const { sequenceFor } = require('./differences');
const { assertInvariants } = require('./invariants');
const { Lag } = require('./lag');
const { SCENARIOS } = require('./scenarios');
const { Servers, TRANSFORMERS, World } = require('./world');

// Scenarios wait more than they work.
const CONCURRENCY = 24;
// For how long nothing may come after what is expected.
const QUIET_MS = 60;
const LATE_MS_MAX = 2_000;

// For all plays of a scenario together.
const limits = { timeout: 240_000 };
// A scenario that fails while this process stood still for so long is played again, so often.
const STALL_MS_MAX = 100;
const PLAYS_MAX = 4;

/**
 * Registers the tests for `clients`, one of clients/, against the `kinds` of servers that
 * startServer (../interop/server.js) knows.
 */
function run(clients, kinds = ['node', 'allspark']) {
  const [servers, lag] = [new Servers(), new Lag()];
  describe(`the client ${clients.name}`, { concurrency: CONCURRENCY }, () => {
    after(async () => {
      lag.stop();
      await servers.stop();
      await clients.stop?.();
    });
    for (const cell of cells(clients, kinds)) {
      const { scenario, kind, transformer } = cell;
      test(`${clients.name} to ${kind} by ${transformer}: ${scenario.name}`, limits, () => {
        return playUndisturbed(() => play(cell, new World(servers, clients, cell)), lag);
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
async function playUndisturbed(playOnce, lag) {
  for (let plays = 1; ; plays += 1) {
    const begun = performance.now();
    try {
      return await playOnce();
    } catch (error) {
      if (plays === PLAYS_MAX || lag.since(begun) < STALL_MS_MAX) throw error;
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
